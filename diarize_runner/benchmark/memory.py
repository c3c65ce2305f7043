"""Read the memory of a process from /proc; None if that fails."""

import os
import re
from contextlib import suppress
from pathlib import Path

from diarize_runner.benchmark.measurement import Memory

_RESET_PEAK = "5"
"""See proc_pid_clear_refs(5)."""


def resident_bytes(process: int) -> int | None:
    """Return a process's current RSS, in bytes."""
    try:
        pages = Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def reset_peaks(device: str) -> None:
    """Reset this process's peak memory to its current memory."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text(_RESET_PEAK, encoding="ascii")
    if device == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats()


def read_peaks(device: str) -> Memory:
    """Return this process's peak memory since the reset."""
    if device != "cuda":
        return Memory(rss=_peak_rss())
    import torch

    free, total = torch.cuda.mem_get_info()
    return Memory(
        rss=_peak_rss(),
        torch_allocated=torch.cuda.max_memory_allocated(),
        torch_reserved=torch.cuda.max_memory_reserved(),
        device_used=total - free,
    )


def _peak_rss() -> int | None:
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return None
    found = re.search(r"VmHWM:\s*(\d+) kB", status)
    return int(found[1]) * 1024 if found else None
