"""A scene, and the recording composed of it."""

import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from diarize_runner.benchmark.item import WorkItem
from diarize_runner.diarization.audio import SAMPLE_RATE, Recording
from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.transcript.formats import rttm

if TYPE_CHECKING:
    from diarize_runner.benchmark.compose.voices import Samples

MOST_SPEAKERS = 6
_LONGEST_TURN = 8.0
_HISS = 0.0005
"""Of full scale, throughout, as in a quiet room."""
_CHORDS = ((220.0, 277.2, 329.6), (196.0, 246.9, 293.7), (174.6, 220.0, 261.6), (164.8, 207.7, 246.9))
"""Hertz."""
_FULL_SCALE = 32767


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """How a recording is composed."""

    name: str
    seconds: float
    speakers: int
    pause: float = 0.6
    """Seconds between turns, at the most."""
    overlap: float = 0.3
    """Seconds of a turn that the next one talks over, at the most."""
    noise: float = _HISS
    """Of full scale."""
    music: tuple[float, float] | None = None
    """From when to when, in seconds, music plays and nobody speaks."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Composition:
    """A composed recording."""

    name: str
    samples: npt.NDArray[np.int16]
    """Mono, 16 kHz."""
    turns: tuple[SpeakerTurn, ...]
    """Who speaks when."""

    @property
    def recording(self) -> Recording:
        """The recording as the models hear it."""
        return Recording(uri=self.name, waveform=self.samples.astype(np.float32) / np.float32(_FULL_SCALE))

    def write(self, folder: Path) -> WorkItem:
        """Write it to `folder` as WAV, with its reference; raise OSError as `open` does."""
        audio, reference = folder / f"{self.name}.wav", folder / f"{self.name}.rttm"
        with wave.open(str(audio), "wb") as file:
            file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
            file.writeframes(self.samples.tobytes())
        truth = Diarization(uri=self.name, turns=self.turns, exclusive_turns=())
        reference.write_text(rttm.render(truth), encoding="utf-8")
        return WorkItem(audio=audio, reference=reference if self.turns else None)


def compose(scene: Scene) -> Composition:
    """Compose a scene; raise UsageError where the shipped sample is not installed."""
    random = np.random.default_rng(int.from_bytes(scene.name.encode()[:8], "big"))
    sound = np.asarray(random.standard_normal(round(scene.seconds * SAMPLE_RATE)), np.float32) * scene.noise
    turns = [turn for turn in _speak(sound, scene, random) if turn.duration]
    if scene.music:
        first, last = (round(second * SAMPLE_RATE) for second in scene.music)
        sound[first:last] = _music(last - first)
        turns = [part for turn in turns for part in _outside(turn, *scene.music)]
    samples = np.round(np.clip(sound, -1, 1) * _FULL_SCALE).astype(np.int16)
    return Composition(name=scene.name, samples=samples, turns=tuple(sorted(turns)))


def _speak(sound: "Samples", scene: Scene, random: np.random.Generator) -> Iterator[SpeakerTurn]:
    """Add turn after turn, each of another speaker than the one before where there are several."""
    from diarize_runner.benchmark.compose.voices import voices

    now, speaker = random.uniform(0, scene.pause), 0
    while scene.speakers and now < scene.seconds:
        speaker = (speaker + int(random.integers(1, max(2, scene.speakers)))) % scene.speakers
        seconds = random.uniform(0.8, _LONGEST_TURN)
        said = voices()[speaker].says(random.uniform(0, 10), seconds)
        first = round(now * SAMPLE_RATE)
        sound[first : first + len(said)] += said[: len(sound) - first]
        yield SpeakerTurn(start=now, end=min(now + seconds, scene.seconds), speaker=f"voice-{speaker}")
        now += seconds + random.uniform(-min(scene.overlap, seconds / 2), scene.pause)


def _outside(turn: SpeakerTurn, start: float, end: float) -> Iterator[SpeakerTurn]:
    """Yield what is left of a turn when nothing is heard of it from `start` to `end`."""
    if turn.start < start:
        yield SpeakerTurn(start=turn.start, end=min(turn.end, start), speaker=turn.speaker)
    if turn.end > end:
        yield SpeakerTurn(start=max(turn.start, end), end=turn.end, speaker=turn.speaker)


def _music(samples: int) -> "Samples":
    """Return chords of plucked strings, two a second."""
    time = np.arange(samples, dtype=np.float32) / SAMPLE_RATE
    beat, since = np.divmod(time, 0.5)
    pitch = np.array(_CHORDS, np.float32)[beat.astype(int) % len(_CHORDS)].T
    strings = sum(np.sin(2 * np.pi * note * part * time) / part for note in pitch for part in (1, 2, 3))
    return np.asarray(0.05 * np.exp(-3 * since) * strings, np.float32)
