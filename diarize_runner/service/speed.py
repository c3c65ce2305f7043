"""The measured speed of the workers, which tells how long the queue takes."""

import math
from typing import Final

_KEPT: Final = 20
_UNKNOWN: Final = 0.5
"""The RTF to assume before a job has finished."""
_LONGEST: Final = 3600


class Speed:
    """The RTF of the last jobs of this box. One thread adds jobs; any thread reads."""

    def __init__(self) -> None:
        self._jobs: tuple[tuple[float, float], ...] = ()

    def add(self, audio_seconds: float, processing_seconds: float) -> None:
        """Count a finished job."""
        self._jobs = (*self._jobs, (audio_seconds, processing_seconds))[-_KEPT:]

    @property
    def real_time_factor(self) -> float:
        """Return processing time / audio duration."""
        jobs = self._jobs
        audio = sum(seconds for seconds, _ in jobs)
        return sum(seconds for _, seconds in jobs) / audio if audio else _UNKNOWN

    def seconds_for(self, audio_seconds: float) -> int:
        """Return how long audio takes, for Retry-After: whole seconds, from 1 to an hour."""
        return min(_LONGEST, max(1, math.ceil(audio_seconds * self.real_time_factor)))
