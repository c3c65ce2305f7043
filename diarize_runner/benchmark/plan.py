"""Plan how many boxes finish a job by a deadline, from the measured speed of one box."""

import math
import statistics
from dataclasses import dataclass

from diarize_runner.benchmark.measurement import Series
from diarize_runner.errors import UsageError

_HOUR = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """Audio to diarize by a deadline."""

    audio_hours: float
    deadline: float
    """Seconds from the launch of the boxes."""
    ready_after: float
    """Seconds from the launch of a box to the end of its provisioning."""
    longest: float = 0.0
    """Seconds of audio of the longest recording, which one box diarizes alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Boxes that share a job: each takes the next recording when it has done one.

    No box then ends more than one recording after another (Graham, Bounds on multiprocessing timing anomalies, 1969).
    """

    boxes: int
    seconds: float
    """From the launch to the latest end of the job."""

    @property
    def box_hours(self) -> float:
        """Billed hours, all boxes together."""
        return self.boxes * self.seconds / _HOUR


def plan(job: Job, series: Series) -> Plan:
    """Plan with the medians of a series.

    Raises:
        UsageError: the boxes are not ready before the deadline.
    """
    return _plan(job, series, series.real_time_factor)


def cautious_plan(job: Job, series: Series) -> Plan:
    """Plan with the slowest call of each recording; raise what `plan` raises."""
    slowest = sum(max(measured.processing_seconds) for measured in series.measurements)
    return _plan(job, series, slowest / series.audio_seconds)


def loading_seconds(series: Series) -> float | None:
    """Return the median loading time; None if no cold start was measured completely."""
    known = [start.loading.seconds for start in series.starts if start.loading.seconds is not None]
    return statistics.median(known) if known else None


def _plan(job: Job, series: Series, real_time_factor: float) -> Plan:
    setup = job.ready_after + (loading_seconds(series) or 0.0)
    last = job.longest * real_time_factor
    available = job.deadline - setup - last
    if available <= 0:
        problem = (
            f"a box needs {setup:.0f} s before it diarizes, and {last:.0f} s for the longest recording, "
            f"but the deadline is {job.deadline:.0f} s after launch"
        )
        raise UsageError(problem, hint="set a later --deadline, a shorter --ready-after, or a shorter --longest")
    work = job.audio_hours * _HOUR * real_time_factor
    boxes = max(1, math.ceil(work / available))
    return Plan(boxes=boxes, seconds=setup + work / boxes + last)
