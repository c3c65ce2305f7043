"""How long it took to load the models on this host, used to estimate the first recording of the next call.

What was loaded is known only afterwards: `auto` may be a GPU, and an engine may not support the models. So an entry is
kept by what was asked for, and names the stage times of what was loaded.
"""

import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.jobs.stage_times import (
    DAMAGED,
    StageTimes,
    default_path,
    read_entries,
    stage_times_file,
    write_entry,
)

_SECTION = "startups"


@dataclass(frozen=True, kw_only=True, slots=True)
class StartupTimes:
    """What was loaded, and how long that took."""

    device: str
    engine: str
    cache: str
    """Digest of the manifest."""
    stages: Mapping[str, float]
    """Seconds by stage, in order."""

    def processing_times(self, task: str) -> StageTimes | None:
        """Return how long a task took with what was loaded; None if unknown."""
        return stage_times_file(self.device, f"{self.engine} {task}", self.cache).read()


@dataclass(frozen=True, kw_only=True, slots=True)
class StartupTimesFile:
    """The start-up times for one device, engine and folder, as they are named on the command line."""

    path: Path
    key: str

    def read(self) -> StartupTimes | None:
        """Return the latest start-up times, or None when there are none."""
        with suppress(OSError, *DAMAGED):
            entry = read_entries(self.path, _SECTION)[self.key]
            stages = {str(stage): float(seconds) for stage, seconds in entry["stages"].items()}
            device, engine, cache = (str(entry[name]) for name in ("device", "engine", "cache"))
            if 0 <= sum(stages.values()) < float("inf"):
                return StartupTimes(device=device, engine=engine, cache=cache, stages=stages)
        return None

    def add(self, newer: StartupTimes) -> None:
        """Write `newer`, its times averaged with the older ones."""
        older = self.read()
        before = older.stages if older else newer.stages
        stages = {stage: (before.get(stage, seconds) + seconds) / 2 for stage, seconds in newer.stages.items()}
        entry = {"device": newer.device, "engine": newer.engine, "cache": newer.cache, "stages": stages}
        write_entry(self.path, _SECTION, self.key, entry)


def startup_times_file(device: str, engine: str, folder: Path) -> StartupTimesFile:
    """Return the start-up times on this host."""
    return StartupTimesFile(path=default_path(), key=f"{platform.node()} {device} {engine} {folder.absolute()}")
