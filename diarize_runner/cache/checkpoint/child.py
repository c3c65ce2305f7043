"""Rewrite a checkpoint in a confined process of its own: the file may come from anybody.

    python -m diarize_runner.cache.checkpoint.child REQUEST

    stdin     the upstream file, open for reading
    REQUEST   JSON: the conversion or null, the allowed names, the file's size, seconds of a core,
              the id of the process that asks
    stdout    the clean checkpoint
    stderr    in its last line, JSON: the names in the original; or, if it exits with REFUSED, the error and its hint

The process gets open files, opens none and no socket, and may use only so much memory and so many seconds. What it
leaves is believed no more than the upstream file was: `read_clean` decides.
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
from diarize_runner.child import child_environment, run_to_end
from diarize_runner.confinement import Allowance, confine
from diarize_runner.errors import UnsafeCheckpoint

_REFUSED = 3
_CODECS = ("ascii", "cp437", "latin-1", "raw-unicode-escape", "utf-8")
"""What zipfile and pickle look up when they meet a name: too late, where no file can be opened any more."""
_WALL_SECONDS = 600
_MEMORY, _MEMORY_PER_BYTE = 1 << 30, 6
"""Bytes of address space: what Python takes, and how often the file's content is held."""


def rewrite_file(
    source: Path,
    target: Path,
    *,
    conversion: str | None,
    allowed: Collection[str],
    cpu_seconds: int = 120,
) -> tuple[str, ...]:
    """Rewrite the checkpoint `source` into `target`; return the names in the original. See `rewrite`.

    `cpu_seconds` is how long the process may use a core.

    Raises:
        UnsafeCheckpoint: it cannot be rewritten within the limits.
    """
    request = json.dumps([conversion, sorted(allowed), source.stat().st_size, cpu_seconds, os.getpid()])
    with source.open("rb") as upstream, target.open("wb") as clean:
        done = _run(request, upstream, clean.fileno())
    said = done.stderr.decode(errors="replace").splitlines() or [""]
    if done.returncode == _REFUSED:
        message, hint = json.loads(said[-1])
        raise UnsafeCheckpoint(message, hint=hint)
    if done.returncode:
        raise _dead(done.returncode, said[-1])
    return tuple(json.loads(said[-1]))


def _run(request: str, upstream: IO[bytes], clean: int) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "diarize_runner.cache.checkpoint.child", request]
    try:
        return run_to_end(command, upstream, clean, child_environment(), _WALL_SECONDS)
    except subprocess.TimeoutExpired as reason:
        raise UnsafeCheckpoint(f"it takes more than {_WALL_SECONDS} s to rewrite") from reason


def _dead(code: int, said: str) -> UnsafeCheckpoint:
    if code < 0:
        return UnsafeCheckpoint(f"rewriting it was ended by {signal.Signals(-code).name}, at a limit of the process")
    return UnsafeCheckpoint(f"rewriting it failed: {said}")


def main() -> int:
    """Rewrite what the command line asks for."""
    conversion, allowed, size, cpu_seconds, parent = json.loads(sys.argv[1])
    for codec in _CODECS:
        codecs.lookup(codec)
    memory = _MEMORY + _MEMORY_PER_BYTE * size
    confine(Allowance(memory=memory, cpu_seconds=cpu_seconds, file_bytes=2 * size + _MEMORY), parent)
    try:
        rewritten = rewrite(sys.stdin.buffer.read(), conversion=conversion, allowed=allowed)
    except UnsafeCheckpoint as error:
        sys.stderr.write(f"\n{json.dumps([error.message, error.hint])}\n")
        return _REFUSED
    sys.stdout.buffer.write(rewritten.data)
    sys.stdout.buffer.flush()
    sys.stderr.write(f"\n{json.dumps(rewritten.names)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
