"""How often and how long to poll EC2."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class PollPolicy:
    """The interval between polls, and their number."""

    interval: float = 10
    """Seconds."""
    attempts: int = 90
