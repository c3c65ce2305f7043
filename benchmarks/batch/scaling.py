"""Many hours on 1 to 200 boxes, simulated: each box takes the next recording when it has done one.

What is simulated is the division of work, with the start of a box and the cost of a recording as measured. What a store
or a network would refuse at that rate is computed beside it, not simulated.
"""

import heapq
import random
from collections.abc import Sequence
from dataclasses import dataclass

_HOUR = 3600.0
_BOXES = (1, 2, 5, 10, 20, 50, 100, 200)
_REQUESTS = 6
"""Of a store for each recording: is it done, its attempts (three times), the recording, the result."""
_WAV_BYTES = 32_000.0
"""A second of 16-bit mono at 16 kHz."""
_SHARDS_PER_BOX = 4


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What was measured, or is assumed."""

    hours: float
    real_time_factor: float
    start_seconds: float
    """Of a box: provisioning, and loading the models."""
    recording_seconds: float
    """Of each recording, besides the real-time factor: requests of the store, and its worker."""
    median_minutes: float
    """Of a recording; durations are log-normal."""
    longest_minutes: float


def simulate(figures: Figures) -> dict[str, object]:
    """Return the hours until the end for each number of boxes, with a queue and with shards."""
    recordings = _durations(figures)
    costs = [seconds * figures.real_time_factor + figures.recording_seconds for seconds in recordings]
    work = sum(costs)
    return {
        "recordings": len(recordings),
        "longest_hours": max(recordings) / _HOUR,
        "runs": [_run(boxes, costs, work, figures) for boxes in _BOXES],
        "boxes_beyond_which_the_longest_recording_decides": work / max(costs),
    }


def _run(boxes: int, costs: Sequence[float], work: float, figures: Figures) -> dict[str, float]:
    queue = figures.start_seconds + _next_free(boxes, costs)
    shards = figures.start_seconds + _next_free(boxes, _shards(boxes * _SHARDS_PER_BOX, costs))
    ideal = work / boxes
    rate = boxes * len(costs) / work
    return {
        "boxes": boxes,
        "hours_with_a_queue": queue / _HOUR,
        "efficiency_with_a_queue": ideal / queue,
        "hours_with_shards": shards / _HOUR,
        "efficiency_with_shards": ideal / shards,
        "requests_a_second": rate * _REQUESTS,
        "gigabits_a_second": boxes * _WAV_BYTES / figures.real_time_factor * 8 / 1e9,
    }


def _durations(figures: Figures) -> list[float]:
    """Return seconds of recordings, of the requested hours together; equal on each run."""
    chance, found, total = random.Random(21), list[float](), 0.0  # noqa: S311  # no secret
    while total < figures.hours * _HOUR:
        seconds = 60 * min(figures.longest_minutes, figures.median_minutes * chance.lognormvariate(0, 0.8))
        found.append(seconds)
        total += seconds
    return found


def _next_free(boxes: int, costs: Sequence[float]) -> float:
    """Return when the last of so many boxes ends, if each takes the next one when it is free."""
    free = [0.0] * boxes
    for cost in costs:
        heapq.heapreplace(free, free[0] + cost)
    return max(free)


def _shards(count: int, costs: Sequence[float]) -> list[float]:
    """Return the work of each shard, to which recordings belong by chance, as by a digest of the key."""
    chance, sums = random.Random(22), [0.0] * count  # noqa: S311  # no secret
    for cost in costs:
        sums[chance.randrange(count)] += cost
    return sums
