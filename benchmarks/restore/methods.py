"""Methods to bring a cache onto a box, each timed from start to exit."""

import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> float:
    """Run a command that must succeed; return seconds."""
    start = time.perf_counter()
    completed = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603
    seconds = time.perf_counter() - start
    if completed.returncode:
        raise SystemExit(f"error: {' '.join(command)}: {completed.stderr}")
    return seconds


def restore_command(store: str, box: Path) -> list[str]:
    """Return the command that restores and verifies the latest version."""
    return [sys.executable, "-m", "diarize_runner", "cache", "restore", "--store", store, "--into", str(box)]


def restore(store: str, box: Path, environment: Mapping[str, str] | None = None) -> float:
    """Restore into an empty box; return seconds."""
    shutil.rmtree(box, ignore_errors=True)
    return run(restore_command(store, box), environment)


def curl_into_tar(url: str, folder: Path) -> float:
    """Restore manually over HTTP, unverified; return seconds."""
    _empty(folder)
    return run(["bash", "-o", "pipefail", "-c", f"curl -fsS '{url}' | tar -xzf - -C '{folder}'"])


def aws_then_tar(url: str, folder: Path, environment: Mapping[str, str]) -> float:
    """Restore manually from a bucket, unverified; return seconds."""
    _empty(folder)
    archive = folder.with_suffix(".tar.gz")
    copy = f"aws s3 cp --quiet '{url}' '{archive}' && tar -xzf '{archive}' -C '{folder}' && rm '{archive}'"
    return run(["bash", "-c", copy], environment)


def same_tree(ours: Path, theirs: Path) -> bool:
    """Whether both folders have the same files and links."""
    return subprocess.run(["diff", "-r", "--no-dereference", str(ours), str(theirs)], check=False).returncode == 0  # noqa: S603, S607


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
