"""The measured speed of the workers, which tells how long the queue takes."""

import math
from collections import deque
from typing import Final

_KEPT: Final = 20
_UNKNOWN: Final = 0.5
"""The RTF to assume before a job has finished."""
_LONGEST: Final = 3600


class Speed:
    """The RTF of the last jobs of this box."""

    def __init__(self) -> None:
        self._jobs: deque[tuple[float, float]] = deque(maxlen=_KEPT)

    def add(self, audio_seconds: float, processing_seconds: float) -> None:
        """Count a finished job."""
        self._jobs.append((audio_seconds, processing_seconds))

    @property
    def real_time_factor(self) -> float:
        """Return processing time / audio duration."""
        audio = sum(seconds for seconds, _ in self._jobs)
        return sum(seconds for _, seconds in self._jobs) / audio if audio else _UNKNOWN

    def seconds_for(self, audio_seconds: float) -> int:
        """Return how long audio takes, for Retry-After: whole seconds, from 1 to an hour."""
        return min(_LONGEST, max(1, math.ceil(audio_seconds * self.real_time_factor)))
