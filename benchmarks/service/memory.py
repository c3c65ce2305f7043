"""Samples of resident memory while a scenario runs, and their summary."""

import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

_INTERVAL = 1.0
_HOUR = 3600.0
Sample = tuple[float, int]
"""Seconds, and bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryLog:
    """The samples so far, by the role of the process."""

    samples: dict[str, list[Sample]] = field(default_factory=dict)

    def add(self, at: float, resident: Mapping[str, int]) -> None:
        """Add a sample of each process that lives."""
        for role, size in resident.items():
            if size:
                self.samples.setdefault(role, []).append((at, size))

    def summarise(self) -> dict[str, dict[str, object]]:
        """Return a summary for each role."""
        return {role: summarise_memory(samples) for role, samples in self.samples.items()}


@contextmanager
def sampling(read: Callable[[], Mapping[str, int]]) -> Iterator[MemoryLog]:
    """Add a sample each second while the block runs."""
    log, ended = MemoryLog(), threading.Event()

    def sample() -> None:
        while not ended.wait(_INTERVAL):
            log.add(time.monotonic(), read())

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield log
    finally:
        ended.set()
        thread.join()


def summarise_memory(samples: Sequence[Sample]) -> dict[str, object]:
    """Return bytes at the start, after each third of the time, and the most; and the growth after the first third."""
    start, end = samples[0][0], samples[-1][0]
    third = (end - start) / 3
    later = [sample for sample in samples if sample[0] >= start + third]
    return {
        "start_bytes": samples[0][1],
        "first_third_bytes": _at(samples, start + third),
        "second_third_bytes": _at(samples, start + 2 * third),
        "end_bytes": samples[-1][1],
        "max_bytes": max(size for _, size in samples),
        "bytes_per_hour_after_first_third": round(slope(later) * _HOUR),
        "samples": len(samples),
    }


def slope(samples: Sequence[Sample]) -> float:
    """Return the growth in bytes a second, by least squares; 0 if all samples are of one moment."""
    times = [at for at, _ in samples]
    if min(times) == max(times):
        return 0.0
    return statistics.linear_regression(times, [size for _, size in samples]).slope


def _at(samples: Sequence[Sample], moment: float) -> int:
    return next(size for at, size in samples if at >= moment)
