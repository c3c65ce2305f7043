"""Rewrite an untrusted checkpoint in a confined process of its own.

    python -m diarize_runner.cache.checkpoint.child REQUEST

    stdin     the upstream file, open for reading
    REQUEST   JSON: the conversion or null, the allowed names, the file's size in bytes, CPU seconds,
              the parent's process id
    stdout    the clean checkpoint
    stderr    last line, JSON: the names in the original; after exit code 3, the error and its hint

The process inherits its open files, can open no file or socket, and has memory and CPU limits. Its output is as
untrusted as its input: `read_clean` verifies it.
"""

import codecs
import json
import os
import signal
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import IO

from diarize_runner.cache.checkpoint.rewrite import rewrite
from diarize_runner.child import child_environment, run_child_process
from diarize_runner.confinement import ResourceLimits, confine
from diarize_runner.errors import UnsafeCheckpoint

_EXIT_REFUSED = 3
_CODECS = ("ascii", "cp437", "latin-1", "raw-unicode-escape", "utf-8")
"""Loaded before confinement: zipfile and pickle load them on demand, when no file can be opened any more."""
_WALL_SECONDS = 600
_MEMORY, _MEMORY_PER_BYTE = 1 << 30, 6
"""Address space in bytes: a base for Python, and a multiple of the file's size for its copies."""


def rewrite_file(
    source: Path,
    target: Path,
    *,
    conversion: str | None,
    allowed: Collection[str],
    cpu_seconds: int = 120,
) -> tuple[str, ...]:
    """Rewrite the checkpoint `source` into `target`; return the names in the original's pickles.

    See `rewrite` for `conversion` and `allowed`.

    Raises:
        UnsafeCheckpoint: the checkpoint is refused, or its rewriting exceeds a limit.
    """
    request = json.dumps([conversion, sorted(allowed), source.stat().st_size, cpu_seconds, os.getpid()])
    with source.open("rb") as upstream, target.open("wb") as clean:
        done = _run(request, upstream, clean.fileno())
    lines = done.stderr.decode(errors="replace").splitlines() or [""]
    if done.returncode == _EXIT_REFUSED:
        message, hint = json.loads(lines[-1])
        raise UnsafeCheckpoint(message, hint=hint)
    if done.returncode:
        raise _process_error(done.returncode, lines[-1])
    return tuple(json.loads(lines[-1]))


def _run(request: str, upstream: IO[bytes], clean: int) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "diarize_runner.cache.checkpoint.child", request]
    try:
        return run_child_process(command, upstream, clean, child_environment(), _WALL_SECONDS)
    except subprocess.TimeoutExpired as reason:
        raise UnsafeCheckpoint(f"rewriting takes more than {_WALL_SECONDS} s") from reason


def _process_error(code: int, detail: str) -> UnsafeCheckpoint:
    if code < 0:
        return UnsafeCheckpoint(f"rewriting exceeded a limit and was ended by {signal.Signals(-code).name}")
    return UnsafeCheckpoint(f"rewriting failed: {detail}")


def main() -> int:
    """Rewrite the checkpoint on stdin as the command line requests."""
    conversion, allowed, size, cpu_seconds, parent = json.loads(sys.argv[1])
    for codec in _CODECS:
        codecs.lookup(codec)
    memory = _MEMORY + _MEMORY_PER_BYTE * size
    confine(ResourceLimits(memory=memory, cpu_seconds=cpu_seconds, file_bytes=2 * size + _MEMORY), parent)
    try:
        rewritten = rewrite(sys.stdin.buffer.read(), conversion=conversion, allowed=allowed)
    except UnsafeCheckpoint as error:
        sys.stderr.write(f"\n{json.dumps([error.message, error.hint])}\n")
        return _EXIT_REFUSED
    sys.stdout.buffer.write(rewritten.data)
    sys.stdout.buffer.flush()
    sys.stderr.write(f"\n{json.dumps(rewritten.names)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
