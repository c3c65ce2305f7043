"""How long recordings take here: measured whenever one is done, and kept for the next call.

It is kept in `$XDG_CACHE_HOME/diarize-runner/pace.json`, by host, device, engine and cache: how much audio was heard,
and how many seconds each stage of that took. What is older than an hour of audio counts less and less. A file that
is lost, damaged or cannot be written costs an estimate, and nothing else.
"""

import json
import os
import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diarize_runner.disk import write_atomically

_FORMAT = "diarize-runner/pace/1"
_DAMAGED = (ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError)
_REMEMBERED = 3600.0
"""Seconds of audio."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """What a device was seen to do."""

    audio_seconds: float
    stages: Mapping[str, float]
    """Seconds that each stage took, in the order in which they come."""

    @property
    def real_time_factor(self) -> float:
        """Seconds of work for a second of audio."""
        return sum(self.stages.values()) / self.audio_seconds

    def after(self, stages: Mapping[str, float], audio_seconds: float) -> float:
        """Return how many seconds the stages that are not among `stages` take."""
        to_come = sum(seconds for stage, seconds in self.stages.items() if stage not in stages)
        return to_come / self.audio_seconds * audio_seconds

    def and_then(self, seen: "Pace") -> "Pace":
        """Return what both say, the last heard at its full weight."""
        weight = min(1.0, _REMEMBERED / self.audio_seconds)
        stages = {
            stage: weight * self.stages.get(stage, 0.0) + seen.stages.get(stage, 0.0)
            for stage in dict.fromkeys((*seen.stages, *self.stages))
        }
        return Pace(audio_seconds=weight * self.audio_seconds + seen.audio_seconds, stages=stages)


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptPace:
    """The pace of one engine on one device of this host."""

    path: Path
    what: str

    def read(self) -> Pace | None:
        """Return it; None where nothing was measured yet."""
        with suppress(OSError, *_DAMAGED):
            kept = _read(self.path)[self.what]
            stages = {str(stage): float(seconds) for stage, seconds in kept["stages"].items()}
            pace = Pace(audio_seconds=float(kept["audio_seconds"]), stages=stages)
            return pace if 0 < pace.real_time_factor < float("inf") else None
        return None

    def add(self, seen: Pace) -> None:
        """Keep what was seen, together with what is kept."""
        known = self.read()
        pace = known.and_then(seen) if known else seen
        every: dict[str, Any] = {}
        with suppress(OSError, *_DAMAGED):
            every = _read(self.path)
        every[self.what] = {"audio_seconds": pace.audio_seconds, "stages": dict(pace.stages)}
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.path, json.dumps({"format": _FORMAT, "paces": every}, indent=2).encode())


def kept_pace(device: str, engine: str, cache: str) -> KeptPace:
    """Return where the pace of an engine is kept."""
    what = f"{platform.node()} {device} {engine} {cache}"
    return KeptPace(path=_cache_home() / "diarize-runner/pace.json", what=what)


def _cache_home() -> Path:
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    except RuntimeError:  # nobody's home
        return Path(os.devnull)


def _read(path: Path) -> dict[str, Any]:
    document = json.loads(path.read_bytes())
    if document["format"] != _FORMAT or not isinstance(document["paces"], dict):
        raise ValueError(document["format"])
    return dict(document["paces"])
