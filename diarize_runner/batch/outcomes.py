"""What became of a recording: small values, which travel between processes."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """It has a result now."""

    key: str
    audio_seconds: float
    processing_seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class AlreadyDone:
    """It had a result already, of another worker or an earlier attempt."""

    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """It has no result."""

    key: str
    message: str
    hint: str
    will_be_tried_again: bool
    """By another run."""


Outcome: TypeAlias = Done | AlreadyDone | Failed
