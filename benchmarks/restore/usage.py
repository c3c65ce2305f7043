"""Measure peak memory and peak disk of one restore."""

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
"""Start the command from a small process: Linux counts a parent's memory at fork towards the child's peak."""
_INTERVAL = 0.01
"""Seconds between disk measurements."""


def measure_peaks(command: Sequence[str], folder: Path) -> dict[str, int]:
    """Run a restore into `folder`; return its peak memory, and its peak and final disk usage, in bytes."""
    launcher = [sys.executable, "-I", "-S", "-c", _LAUNCH, *command]
    running = subprocess.Popen(launcher, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # noqa: S603
    peak = 0
    while running.poll() is None:
        peak = max(peak, _disk_usage(folder))
        time.sleep(_INTERVAL)
    if running.returncode or running.stdout is None:
        raise SystemExit(f"error: {' '.join(command)} failed")
    kilobytes = int(running.stdout.read().split()[-1])
    final = _disk_usage(folder)
    return {"memory_bytes": kilobytes * 1024, "disk_bytes_at_most": max(peak, final), "disk_bytes_at_the_end": final}


def _disk_usage(folder: Path) -> int:
    return sum(_size(Path(where, name)) for where, _, files in os.walk(folder) for name in files)


def _size(path: Path) -> int:
    try:
        return path.lstat().st_blocks * 512
    except FileNotFoundError:  # renamed since os.walk listed it
        return 0
