"""Benchmarks without models: diarizers with scripted durations, and hand-made reports."""

import wave
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

from diarize_runner.benchmark.environment import Environment
from diarize_runner.benchmark.measurement import Call, Loading, Measurement, Series
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.benchmark.score import score
from diarize_runner.benchmark.stage_timer import StageTimer
from diarize_runner.benchmark.timed_call import TimedDiarizer
from diarize_runner.benchmark.worker import LoadedEngine
from diarize_runner.diarization.turns import Diarization, SpeakerTurn

ENVIRONMENT = Environment(
    cpu="Some CPU",
    cpu_count=2,
    memory=8 << 30,
    threads=2,
    gpu=None,
    instance=None,
    system="Linux",
    python="3.11.7",
    packages={"torch": "2.11.0", "diarize-runner": "0.1.0"},
    lock=None,
    load_average=0.0,
    absent={"gpu": "not used", "instance": "not requested", "lock": "the environment has no requirements.txt"},
)
TURNS = (
    SpeakerTurn(start=0.0, end=1.0, speaker="SPEAKER_00"),
    SpeakerTurn(start=1.0, end=2.0, speaker="SPEAKER_01"),
)


class Clock:
    """A simulated clock; tests set `now`."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class ScriptedDiarizer:
    """Advances the clock by the next scripted duration at each call."""

    device = "cpu"

    def __init__(self, clock, seconds, turns=TURNS, steps=None):
        self._clock, self._script, self._turns, self._steps = clock, iter(seconds), turns, steps or {}
        self.stage_timer = StageTimer(self.synchronise, clock)
        self.hints = []

    def synchronise(self):
        """Do nothing."""

    def diarize(self, recording, hints, progress):
        self.hints.append(hints)
        before = self._clock.now
        for step, seconds in self._steps.items():
            self._clock.now += seconds
            self.stage_timer.record_end(step)
        self._clock.now = before + next(self._script)
        return Diarization(uri=recording.uri, turns=self._turns, exclusive_turns=self._turns)


class ScriptedRunner:
    """Stands in for a benchmark process."""

    def __init__(self, engine, timed, clock, loading):
        self.loaded = LoadedEngine(cache="tiny 1.0 sha256:00", engine=engine, device="cpu", loading=loading)
        self._timed, self._clock, self._started_at = timed, clock, clock.now
        clock.now += loading.seconds

    def age(self):
        return self._clock.now - self._started_at

    def run(self, item):
        return self._timed.run(item)

    def describe(self):
        return ENVIRONMENT


class Launcher:
    """Starts scripted processes, and records their engines in order."""

    def __init__(self, folder, clock, seconds, turns=None):
        self._folder, self._clock, self._seconds, self._turns = folder, clock, seconds, turns or {}
        self.started, self.calls = [], []

    @contextmanager
    def __call__(self, engine, _device):
        self.started.append(engine)
        diarizer = ScriptedDiarizer(self._clock, self._durations(engine), self._turns.get(engine, TURNS))
        timed = TimedDiarizer(
            diarizer=diarizer, stage_timer=diarizer.stage_timer, folder=self._folder, clock=self._clock
        )
        yield ScriptedRunner(engine, timed, self._clock, Loading(process=0.5, imports=2.0, verify=0.25, load=1.25))

    def _durations(self, engine):
        for number in count():
            self.calls.append(engine)
            yield self._seconds[engine][min(number, len(self._seconds[engine]) - 1)]


def write_two_seconds(folder: Path, name: str = "two") -> Path:
    """Write a recording of two seconds; return its path."""
    path = folder / f"{name}.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(b"\1\0" * 32_000)
    return path


def reference(folder: Path, *turns: tuple[float, float, str]) -> Path:
    """Write turns (start, duration, speaker) as RTTM; return the path."""
    path = folder / "reference.rttm"
    path.write_text(
        "".join(f"SPEAKER two 1 {start} {length} <NA> <NA> {speaker} <NA> <NA>\n" for start, length, speaker in turns)
    )
    return path


def write_rttm(path: Path, turns, uri: str = "") -> Path:
    """Write turns (start, end, speaker) of the recording `uri`, else the file's stem; return the path."""
    name = uri or path.stem
    lines = (f"SPEAKER {name} 1 {start} {end - start} <NA> <NA> {speaker} <NA> <NA>\n" for start, end, speaker in turns)
    path.write_text("".join(lines))
    return path


def diarization(uri: str, turns) -> Diarization:
    """Return a diarization with turns (start, end, speaker)."""
    made = tuple(sorted(SpeakerTurn(start=start, end=end, speaker=speaker) for start, end, speaker in turns))
    return Diarization(uri=uri, turns=made, exclusive_turns=made)


TWO_SCORED = {
    "a": ([(0, 4, "anna"), (4, 8, "ben")], [(0, 5, "X"), (5, 7, "Y")]),
    "b": ([(0, 2, "anna")], [(0, 2, "X"), (6, 8, "Y")]),
}
"""Reference and diarization of two recordings of 10 s: 1 s missed and 1 s confused of 8 s; 2 s false alarm of 2 s."""


def scored(folder: Path, recordings=None) -> tuple[Measurement, ...]:
    """Return the measurement of each recording of 10 s, scored."""
    return tuple(
        replace(
            measurement(uri, 10.0, 1.0, speakers=len({speaker for *_, speaker in found})),
            score=score(diarization(uri, found), write_rttm(folder / f"{uri}.rttm", reference), 10.0),
        )
        for uri, (reference, found) in (recordings or TWO_SCORED).items()
    )


def measurement(uri: str, audio_seconds: float, *seconds: float, **more) -> Measurement:
    """Return the measurement of a recording with the seconds of each call."""
    calls = tuple(Call(seconds=each) for each in seconds)
    return Measurement(uri=uri, audio_seconds=audio_seconds, warmups=(), calls=calls, **{"speakers": 1, **more})


def report(*measurements: Measurement, engine: str = "exact", **more) -> BenchmarkReport:
    """Return a report of one engine."""
    series = (Series(engine=engine, device="cpu", measurements=measurements),)
    defaults = {"date": "2026-11-21T00:00:00+00:00", "workload": "tiny", "environment": ENVIRONMENT, "price": None}
    return BenchmarkReport(**{**defaults, "cache": "tiny 1.0 sha256:00", "series": series, **more})
