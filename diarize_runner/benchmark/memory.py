"""What a process has in memory, by Linux's own count; None where that cannot be read."""

import os
import re
from contextlib import suppress
from pathlib import Path

from diarize_runner.benchmark.measurement import Memory

_RESET_PEAK = "5"
"""As proc_pid_clear_refs(5) has it."""


def resident(process: int) -> int | None:
    """Return the bytes that a process has resident now."""
    try:
        pages = Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def forget_peaks(device: str) -> None:
    """Let what this process had at the most begin anew from what it has now."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text(_RESET_PEAK, encoding="ascii")
    if device == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats()


def peaks(device: str) -> Memory:
    """Return what this process has had at the most since."""
    if device != "cuda":
        return Memory(rss=_peak_resident())
    import torch

    free, total = torch.cuda.mem_get_info()
    return Memory(
        rss=_peak_resident(),
        torch_allocated=torch.cuda.max_memory_allocated(),
        torch_reserved=torch.cuda.max_memory_reserved(),
        device_used=total - free,
    )


def _peak_resident() -> int | None:
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return None
    found = re.search(r"VmHWM:\s*(\d+) kB", status)
    return int(found[1]) * 1024 if found else None
