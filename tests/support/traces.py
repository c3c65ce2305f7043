"""What a command and all its children ask of the kernel, as strace writes it down."""

import ast
import re
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from support.hosts.possible import unavailable

_EXECUTED = re.compile(r'execve\("(.*?)", (\[.*?\]), (\[.*?\])(?: \/\* .*? \*\/)?(?:\)|\s+<unfinished)')


@dataclass(frozen=True, kw_only=True)
class Executed:
    """A program that was started, or was looked for in vain."""

    words: list[str]
    environment: list[str]


def tracing(folder: Path, calls: str) -> list[str]:
    """Return the words to put before a command; what each of its processes asks of `calls` goes into `folder`."""
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
    """Skip the test where there is no strace, or fail it where it is required."""
    if not shutil.which("strace"):
        unavailable("strace not found: run scripts/install-test-packages.sh")


def executed(folder: Path) -> list[Executed]:
    """Return every program that was started, in no order."""
    lines = [line for path in folder.iterdir() for line in path.read_text(errors="replace").splitlines()]
    calls = [line for line in lines if line.startswith("execve(")]
    found = [_EXECUTED.match(line) for line in calls]
    assert all(found), [line[:300] for line, match in zip(calls, found, strict=True) if not match]
    return [Executed(words=ast.literal_eval(each[2]), environment=ast.literal_eval(each[3])) for each in found]
