"""How much memory and CPU time a process and its children use."""

import os
from contextlib import suppress
from pathlib import Path


def resident_bytes(process: int) -> int:
    """Return the resident memory of a process and of all processes below it, in bytes; 0 if it has ended."""
    return _resident(process) + sum(map(resident_bytes, _children(process)))


def cpu_seconds(process: int) -> float:
    """Return the CPU time of a process and of all that it started, also those that have ended; 0 if it has ended."""
    return _cpu_ticks(process) / os.sysconf("SC_CLK_TCK") + sum(map(cpu_seconds, _children(process)))


def _cpu_ticks(process: int) -> int:
    """Return utime, stime, cutime and cstime, as proc_pid_stat(5) lists them behind the name in parentheses."""
    with suppress(OSError):
        return sum(map(int, Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:15]))
    return 0


def _resident(process: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _children(process: int) -> list[int]:
    """Return the child processes of all threads, as proc_pid_children(5) lists them."""
    found = list[int]()
    for listed in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, listed.read_text().split())
    return found
