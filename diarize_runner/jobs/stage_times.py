"""Processing times of earlier recordings on this host, used to estimate the next one.

`$XDG_CACHE_HOME/diarize-runner/pace.json` holds, by host, device, engine and cache, the seconds of audio processed and
the seconds that each stage took. Older measurements count less: an hour of audio has full weight. A lost, damaged or
read-only file only costs the estimate.
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
_HISTORY_SECONDS = 3600.0
"""Seconds of audio."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StageTimes:
    """Seconds of audio, and how long each stage took to process them."""

    audio_seconds: float
    stages: Mapping[str, float]
    """Seconds by stage, in processing order."""

    @property
    def real_time_factor(self) -> float:
        """Processing time / audio duration."""
        return sum(self.stages.values()) / self.audio_seconds

    def seconds_after(self, stages: Mapping[str, float], audio_seconds: float) -> float:
        """Return the seconds that all stages but `stages` take for `audio_seconds` of audio."""
        later = sum(seconds for stage, seconds in self.stages.items() if stage not in stages)
        return later / self.audio_seconds * audio_seconds

    def merge(self, newer: "StageTimes") -> "StageTimes":
        """Return the sum of both, with at most an hour of audio from `self`."""
        weight = min(1.0, _HISTORY_SECONDS / self.audio_seconds)
        stages = {
            stage: weight * self.stages.get(stage, 0.0) + newer.stages.get(stage, 0.0)
            for stage in dict.fromkeys((*newer.stages, *self.stages))
        }
        return StageTimes(audio_seconds=weight * self.audio_seconds + newer.audio_seconds, stages=stages)


@dataclass(frozen=True, kw_only=True, slots=True)
class StageTimesFile:
    """The stage times of one engine on one device of this host."""

    path: Path
    key: str

    def read(self) -> StageTimes | None:
        """Return the stage times, or None when there are none."""
        with suppress(OSError, *_DAMAGED):
            entry = _read(self.path)[self.key]
            stages = {str(stage): float(seconds) for stage, seconds in entry["stages"].items()}
            times = StageTimes(audio_seconds=float(entry["audio_seconds"]), stages=stages)
            return times if 0 < times.real_time_factor < float("inf") else None
        return None

    def add(self, newer: StageTimes) -> None:
        """Merge `newer` into the file."""
        older = self.read()
        times = older.merge(newer) if older else newer
        entries: dict[str, Any] = {}
        with suppress(OSError, *_DAMAGED):
            entries = _read(self.path)
        entries[self.key] = {"audio_seconds": times.audio_seconds, "stages": dict(times.stages)}
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.path, json.dumps({"format": _FORMAT, "paces": entries}, indent=2).encode())


def stage_times_file(device: str, engine: str, cache: str) -> StageTimesFile:
    """Return the stage times of an engine on this host."""
    key = f"{platform.node()} {device} {engine} {cache}"
    return StageTimesFile(path=_cache_home() / "diarize-runner/pace.json", key=key)


def _cache_home() -> Path:
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    except RuntimeError:  # the user has no home folder
        return Path(os.devnull)


def _read(path: Path) -> dict[str, Any]:
    document = json.loads(path.read_bytes())
    if document["format"] != _FORMAT or not isinstance(document["paces"], dict):
        raise ValueError(document["format"])
    return dict(document["paces"])
