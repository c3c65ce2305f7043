"""Trace a command and its children with strace."""

import ast
import re
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from support.hosts.requirements import unavailable

_EXECUTED = re.compile(r'execve\("(.*?)", (\[.*?\]), (\[.*?\])(?: \/\* .*? \*\/)?(?:\)|\s+<unfinished)')


@dataclass(frozen=True, kw_only=True)
class Executed:
    """A program that was started, or not found."""

    words: list[str]
    environment: list[str]


def tracing(folder: Path, calls: str) -> list[str]:
    """Return a strace prefix for a command; the system calls `calls` of each process are logged to `folder`."""
    require_strace()
    folder.mkdir()
    return [
        "strace",
        "-ff",
        "--seccomp-bpf",
        "-qq",
        "-v",
        "-s",
        "1000000",
        "-e",
        f"trace={calls}",
        "-o",
        str(folder / "process"),
    ]


@cache
def require_strace() -> None:
    """Skip the test where strace is not installed; fail it if DIARIZE_RUNNER_REQUIRE_HOSTS is 1."""
    if not shutil.which("strace"):
        unavailable("strace not found: run scripts/install-test-packages.sh")


def executed(folder: Path) -> list[Executed]:
    """Return every program that was started, in any order."""
    lines = [line for path in folder.iterdir() for line in path.read_text(errors="replace").splitlines()]
    calls = [line for line in lines if line.startswith("execve(")]
    found = [_EXECUTED.match(line) for line in calls]
    assert all(found), [line[:300] for line, match in zip(calls, found, strict=True) if not match]
    return [Executed(words=ast.literal_eval(each[2]), environment=ast.literal_eval(each[3])) for each in found]
