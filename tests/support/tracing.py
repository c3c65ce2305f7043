"""Trace with strace what a command and its children open, execute and connect to."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from support.hosts.requirements import unavailable

STRACE = shutil.which("strace")
_CALLS = "open,openat,openat2,execve,execveat,connect"
_LINE = re.compile(
    r"(?P<call>\w+)\((?:[\w]+<(?P<at>[^>]*)>, )?"
    r'(?:"(?P<path>(?:[^"\\]|\\.)*)"|(?P<rest>[^"].*?))'
    r".* = (?P<result>-?\d+)(?:<(?P<opened>[^>]*)>)?"
)


@dataclass(frozen=True, kw_only=True)
class Traced:
    """The trace of a finished command."""

    done: subprocess.CompletedProcess
    tried: frozenset[str]
    """Absolute paths that it tried to open or execute."""
    opened: frozenset[str]
    """Real paths that it opened or executed."""
    connected: tuple[str, ...]
    """The traced `connect` calls."""


def require_strace():
    """Skip the test where strace is not installed; fail it if DIARIZE_RUNNER_REQUIRE_HOSTS is 1."""
    if not STRACE:
        unavailable("strace not found: run scripts/install-test-packages.sh")


def traced(command, *, cwd, env, folder, seconds=300):
    """Run a command under strace, which logs to `folder`; return the trace."""
    folder.mkdir()
    # One file per thread: in a shared file, lines of several threads interleave.
    options = ["-ff", "--seccomp-bpf", "-qq", "-y", "-s", "4096", "-e", f"trace={_CALLS}", "-e", "signal=none"]
    done = subprocess.run(
        [STRACE, *options, "-o", str(folder / "thread"), *map(str, command)],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    lines = [line for path in folder.iterdir() for line in path.read_text(errors="replace").splitlines()]
    return _traced(done, lines, Path(cwd))


def _traced(done, lines, cwd):
    tried, opened, connected = set(), set(), []
    for line in lines:
        found = _LINE.match(line)
        if line.startswith("connect("):
            connected.append(line)
        elif found and found["path"] is not None:
            path = os.path.normpath(Path(found["at"] or cwd, found["path"]))
            tried.add(path)
            if int(found["result"]) >= 0:
                opened.add(found["opened"] or os.path.realpath(path))
        elif not line.startswith(("+++", "---", "exit")):
            raise AssertionError(f"not understood: {line}")
    return Traced(done=done, tried=frozenset(tried), opened=frozenset(opened), connected=tuple(connected))
