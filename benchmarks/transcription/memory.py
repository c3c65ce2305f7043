"""Peak memory of the processes of a command: each one's own peak, and the peak of their sum.

Sampling takes CPU time, so nothing is timed meanwhile.
"""

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.transcription.commands import Command

CHILD = "diarize_runner.transcription.child"
"""In the command line of the child process."""
_INTERVAL = 0.1
"""Seconds."""
_KILOBYTE = 1024


@dataclass(kw_only=True, slots=True)
class Peaks:
    """The highest values so far, in bytes."""

    together: int = 0
    """Of the resident memory of all processes at one time; shared libraries count once for each process."""
    of_child: int = 0
    """As the kernel keeps it."""
    processes: set[int] = field(default_factory=set)

    def add(self, resident: Mapping[int, int], of_child: int) -> None:
        """Add a sample: the resident memory by process, and the child's peak."""
        self.together = max(self.together, sum(resident.values()))
        self.of_child = max(self.of_child, of_child)
        self.processes |= resident.keys()


def measure_memory(command: Command) -> dict[str, int]:
    """Run a command; return its peaks, and the number of its processes."""
    peaks, process = Peaks(), command.start()
    while process.poll() is None:
        tree = [*descendants(process.pid, _parents())]
        of_child = max((_status(pid, "VmHWM") for pid in tree if CHILD in _read(pid, "cmdline")), default=0)
        peaks.add({pid: _status(pid, "VmRSS") for pid in tree}, of_child)
        time.sleep(_INTERVAL)
    command.require_success(process.returncode)
    return {
        "child_peak_bytes": peaks.of_child,
        "together_peak_bytes": peaks.together,
        "processes": len(peaks.processes),
    }


def descendants(root: int, parents: Mapping[int, int]) -> Iterator[int]:
    """Yield a process and all below it; `parents` has the parent of each process."""
    yield root
    for pid, parent in parents.items():
        if parent == root:
            yield from descendants(pid, parents)


def _parents() -> dict[int, int]:
    pids: Iterable[int] = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
    return {pid: _number(_read(pid, "status"), "PPid") for pid in pids}


def _status(pid: int, name: str) -> int:
    return _number(_read(pid, "status"), name) * _KILOBYTE


def _number(status: str, name: str) -> int:
    """Return a number of /proc/PID/status; 0 if the process has ended."""
    found = re.search(rf"^{name}:\s*(\d+)", status, re.MULTILINE)
    return int(found[1]) if found else 0


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(encoding="utf-8", errors="replace")
    except OSError:  # the process has ended
        return ""
