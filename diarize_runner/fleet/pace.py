"""How long to wait for what EC2 takes minutes for."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """So many looks, so far apart."""

    pause: float = 10
    """Seconds between looks."""
    looks: int = 90
