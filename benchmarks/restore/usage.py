"""Peak memory and peak disk of one restore."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

_LAUNCH = """\
import os, sys
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
status, used = os.wait4(child, 0)[1:]
print(used.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Linux counts the memory of who started a process towards its peak, so something small has to start it."""
_EVERY = 0.01
"""Seconds between looks at the disk."""


def peaks_of(command: Sequence[str], folder: Path) -> dict[str, int]:
    """Run a restore into `folder`; return bytes of memory, and bytes on disk at the most and at the end."""
    launched = [sys.executable, "-I", "-S", "-c", _LAUNCH, *command]
    running = subprocess.Popen(launched, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # noqa: S603
    most = 0
    while running.poll() is None:
        most = max(most, _on_disk(folder))
        time.sleep(_EVERY)
    if running.returncode or running.stdout is None:
        raise SystemExit(f"error: {' '.join(command)} failed")
    kilobytes = int(running.stdout.read().split()[-1])
    left = _on_disk(folder)
    return {"memory_bytes": kilobytes * 1024, "disk_bytes_at_most": max(most, left), "disk_bytes_at_the_end": left}


def _on_disk(folder: Path) -> int:
    return sum(_size(Path(where, name)) for where, _, files in os.walk(folder) for name in files)


def _size(path: Path) -> int:
    try:
        return path.lstat().st_blocks * 512
    except FileNotFoundError:  # it was renamed meanwhile
        return 0
