"""How many boxes diarize so much audio in time, and what that costs, from what one box was measured to do."""

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
    """Seconds from the launch of a box until it is provisioned."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Boxes that share a job evenly."""

    boxes: int
    seconds: float
    """From their launch to the end of the job."""

    @property
    def box_hours(self) -> float:
        """What is paid for."""
        return self.boxes * self.seconds / _HOUR


def plan(job: Job, series: Series) -> Plan:
    """Plan with the medians of a series.

    Raises:
        UsageError: no number of boxes is done in time, for they are not ready before the deadline.
    """
    return _plan(job, series, series.real_time_factor)


def cautious_plan(job: Job, series: Series) -> Plan:
    """Plan with the slowest call of each recording; raises as `plan` does."""
    slowest = sum(max(measured.processing_seconds) for measured in series.measurements)
    return _plan(job, series, slowest / series.audio_seconds)


def loading_seconds(series: Series) -> float | None:
    """Return how long a box loads before it diarizes; None where no cold start was measured whole."""
    known = [start.loading.seconds for start in series.starts if start.loading.seconds is not None]
    return statistics.median(known) if known else None


def _plan(job: Job, series: Series, real_time_factor: float) -> Plan:
    idle = job.ready_after + (loading_seconds(series) or 0.0)
    left = job.deadline - idle
    if left <= 0:
        problem = f"a box needs {idle:.0f} s before it diarizes, and the deadline is after {job.deadline:.0f} s"
        raise UsageError(problem, hint="a later --deadline, or a shorter --ready-after")
    work = job.audio_hours * _HOUR * real_time_factor
    boxes = max(1, math.ceil(work / left))
    return Plan(boxes=boxes, seconds=idle + work / boxes)
