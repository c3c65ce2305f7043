"""Sample a GPU's clocks, throttling, temperature and power while something runs on it."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import reduce
from operator import or_

from diarize_runner.benchmark.gpu import query_fields

_FIELDS = ("clocks.sm", "clocks.max.sm", "temperature.gpu", "clocks_event_reasons.active", "power.draw")
_INTERVAL = 1.0
"""Seconds between samples."""
_REASONS = {
    0x1: "idle",
    0x2: "application clocks",
    0x4: "power cap",
    0x8: "hardware slowdown",
    0x10: "sync boost",
    0x20: "software thermal slowdown",
    0x40: "hardware thermal slowdown",
    0x80: "power brake",
    0x100: "display clocks",
}
"""nvmlClocksEventReasons in nvml.h."""
_IDLE = 0x1


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One reading of nvidia-smi; None where it prints no number."""

    at: float
    """Reading of `time.perf_counter`."""
    sm_clock_mhz: float | None
    max_sm_clock_mhz: float | None
    celsius: float | None
    reasons: int | None
    """Bits of nvmlClocksEventReasons."""
    watts: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Clocks:
    """The samples of one step; None where nvidia-smi printed no number."""

    samples: int
    sm_clock_mhz: tuple[float, float] | None
    """Lowest and highest while the GPU was busy."""
    max_sm_clock_mhz: float | None
    celsius: float | None
    """Highest."""
    watts: float | None
    """Highest."""
    throttled: tuple[str, ...]
    """Reasons for the clock's limit, other than idleness."""

    def to_dict(self) -> dict[str, object]:
        """Return the figures as JSON in the report."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampler:
    """The samples so far."""

    samples: list[Sample] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """Why nvidia-smi failed, at most once."""

    def between(self, began: float, ended: float) -> Clocks | None:
        """Summarise the samples of a step; None if there are none."""
        return summarise([sample for sample in self.samples if began <= sample.at <= ended])


def summarise(samples: Sequence[Sample]) -> Clocks | None:
    """Summarise samples; None if there are none."""
    if not samples:
        return None
    reasons = reduce(or_, (sample.reasons or 0 for sample in samples))
    busy = [each.sm_clock_mhz for each in samples if each.sm_clock_mhz is not None and not (each.reasons or 0) & _IDLE]
    return Clocks(
        samples=len(samples),
        sm_clock_mhz=(min(busy), max(busy)) if busy else None,
        max_sm_clock_mhz=_highest(sample.max_sm_clock_mhz for sample in samples),
        celsius=_highest(sample.celsius for sample in samples),
        watts=_highest(sample.watts for sample in samples),
        throttled=tuple(name for bit, name in _REASONS.items() if reasons & bit and bit != _IDLE),
    )


@contextmanager
def sampling(identity: str | None, interval: float = _INTERVAL) -> Iterator[Sampler]:
    """Sample the GPU with this UUID in a thread; None: take no samples."""
    sampler, stop = Sampler(), threading.Event()
    thread = threading.Thread(target=_sample, args=(sampler, identity, interval, stop), daemon=True)
    if identity:
        thread.start()
    try:
        yield sampler
    finally:
        stop.set()
        if identity:
            thread.join()


def _sample(sampler: Sampler, identity: str, interval: float, stop: threading.Event) -> None:
    while not stop.is_set():
        values = query_fields(identity, _FIELDS)
        if isinstance(values, str):
            sampler.problems.append(values)
            return
        clock, most, celsius, reasons, watts = values
        sampler.samples.append(
            Sample(
                at=time.perf_counter(),
                sm_clock_mhz=_number(clock),
                max_sm_clock_mhz=_number(most),
                celsius=_number(celsius),
                reasons=int(reasons, 16) if reasons.startswith("0x") else None,
                watts=_number(watts),
            )
        )
        stop.wait(interval)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:  # such as `[N/A]`
        return None


def _highest(values: Iterator[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)
