"""Processing times of earlier recordings on this host, used to estimate the next one.

`$XDG_CACHE_HOME/diarize-runner/pace.json` holds, by host, device, engine and cache, the seconds of audio processed and
the seconds that each stage took; startup_times.py adds what loading took. Older measurements count less: an hour of
audio has full weight. A lost, damaged or read-only file only costs the estimate.
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
DAMAGED = (ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError)
"""What reading a damaged file raises."""
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

    def expect(self, audio_seconds: float) -> Mapping[str, float]:
        """Return the seconds that each stage takes for `audio_seconds` of audio."""
        return {stage: seconds / self.audio_seconds * audio_seconds for stage, seconds in self.stages.items()}

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
        with suppress(OSError, *DAMAGED):
            entry = read_entries(self.path, "paces")[self.key]
            stages = {str(stage): float(seconds) for stage, seconds in entry["stages"].items()}
            times = StageTimes(audio_seconds=float(entry["audio_seconds"]), stages=stages)
            return times if 0 < times.real_time_factor < float("inf") else None
        return None

    def add(self, newer: StageTimes) -> None:
        """Merge `newer` into the file."""
        older = self.read()
        times = older.merge(newer) if older else newer
        write_entry(self.path, "paces", self.key, {"audio_seconds": times.audio_seconds, "stages": dict(times.stages)})


def stage_times_file(device: str, engine: str, cache: str) -> StageTimesFile:
    """Return the stage times of an engine on this host."""
    key = f"{platform.node()} {device} {engine} {cache}"
    return StageTimesFile(path=default_path(), key=key)


def default_path() -> Path:
    """Return the file of this user."""
    try:
        home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    except RuntimeError:  # the user has no home folder
        home = Path(os.devnull)
    return home / "diarize-runner/pace.json"


def read_entries(path: Path, section: str) -> dict[str, Any]:
    """Return the entries of a section by key; raise OSError or one of DAMAGED."""
    return dict(_read(path).get(section, {}))


def write_entry(path: Path, section: str, key: str, entry: Mapping[str, object]) -> None:
    """Write an entry and keep the others, as far as the file can be read and written."""
    document: dict[str, Any] = {"format": _FORMAT, "paces": {}}
    with suppress(OSError, *DAMAGED):
        document = _read(path)
    entries = document.get(section)
    document[section] = {**(entries if isinstance(entries, dict) else {}), key: dict(entry)}
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(document, indent=2).encode())


def _read(path: Path) -> dict[str, Any]:
    document = json.loads(path.read_bytes())
    if document["format"] != _FORMAT or not isinstance(document["paces"], dict):
        raise ValueError(document["format"])
    return dict(document)
