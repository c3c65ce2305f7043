"""How often the dispatcher looks at the queue, how long it keeps a model, and by which clock."""

import threading
import time
from dataclasses import dataclass
from typing import Final, Protocol


class Clock(Protocol):
    """The time, or a simulated one."""

    def monotonic(self) -> float:
        """Return the seconds of a monotonic clock."""

    def time(self) -> float:
        """Return the seconds since 1970."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until the event is set, at most so long; return whether it is."""


class SystemClock:
    """The clock of this machine."""

    def monotonic(self) -> float:
        """Return the seconds of a monotonic clock."""
        return time.monotonic()

    def time(self) -> float:
        """Return the seconds since 1970."""
        return time.time()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until the event is set, at most so long; return whether it is."""
        return event.wait(seconds)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How often to look, and how long to keep a model. All but `turn_jobs` are seconds."""

    turn_jobs: int = 8
    """Jobs with one model before another model has its turn."""
    max_wait_seconds: float = 60.0
    """A job that waits longer is next, whatever model it needs."""
    idle_seconds: float | None = 300.0
    """Until the models are unloaded when no job comes; 0 for at once, None for never."""
    poll_seconds: float = 1.0
    """Between two looks at the queue without a wake-up: another server may have added a job."""
    renew_seconds: float = 2.0
    """Between two renewals of a lease within a stage: each is a write that the disk must confirm."""
    cancel_seconds: float = 0.5
    """Between two looks at whether another server cancelled the job that runs; each only reads."""


SYSTEM_CLOCK: Final = SystemClock()
DEFAULT_PACE: Final = Pace()
