"""Run the command in a new process."""

import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: object, isolated: bool = False, **environment: str) -> subprocess.CompletedProcess:
    """Run the command without this machine's Hub settings; if `isolated`, without a network."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING_FACE_"))}
    no_hub = {"PYTHONPATH": str(ROOT), "NO_PROXY": "*", "HF_ENDPOINT": f"http://127.0.0.1:{closed_port()}"}
    return subprocess.run(
        [*(without_network() if isolated else ()), sys.executable, "-m", "diarize_runner", *map(str, arguments)],
        env={**clean, **no_hub, **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def succeed(*arguments: object, **environment: str) -> None:
    """Run the command; assert that it succeeds."""
    done = run(*arguments, **environment)
    assert done.returncode == 0, done.stderr


def without_network() -> list[str]:
    """Return an `unshare --net` prefix, or an empty list where namespaces are not allowed."""
    command = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]
    return command if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0 else []


def closed_port() -> int:
    """Return a closed port of loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
