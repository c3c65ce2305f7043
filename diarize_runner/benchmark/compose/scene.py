"""Compose a recording from a scene."""

import wave
from collections.abc import Iterator, Sequence
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
    from diarize_runner.benchmark.compose.voices import Samples, Voice

MAX_SPEAKERS = 6
_MAX_TURN_SECONDS = 8.0
_DEFAULT_NOISE = 0.0005
"""Of full scale: a quiet room."""
_CHORDS = ((220.0, 277.2, 329.6), (196.0, 246.9, 293.7), (174.6, 220.0, 261.6), (164.8, 207.7, 246.9))
"""Hertz."""
_FULL_SCALE = 32767


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """Parameters of a composed recording."""

    name: str
    seconds: float
    speakers: int
    pause: float = 0.6
    """Maximum seconds between turns."""
    overlap: float = 0.3
    """Maximum seconds of overlap between consecutive turns."""
    noise: float = _DEFAULT_NOISE
    """Standard deviation, of full scale."""
    music: tuple[float, float] | None = None
    """Start and end, in seconds, of music without speech."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Composition:
    """A composed recording."""

    name: str
    samples: npt.NDArray[np.int16]
    """Mono, 16 kHz."""
    turns: tuple[SpeakerTurn, ...]

    @property
    def recording(self) -> Recording:
        """The recording as float32, the input of the models."""
        return Recording(uri=self.name, waveform=self.samples.astype(np.float32) / np.float32(_FULL_SCALE))

    def write(self, folder: Path) -> WorkItem:
        """Write WAV and reference RTTM to `folder`; raise OSError if that fails."""
        audio, reference = folder / f"{self.name}.wav", folder / f"{self.name}.rttm"
        with wave.open(str(audio), "wb") as file:
            file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
            file.writeframes(self.samples.tobytes())
        ground_truth = Diarization(uri=self.name, turns=self.turns, exclusive_turns=())
        reference.write_text(rttm.render(ground_truth), encoding="utf-8")
        return WorkItem(audio=audio, reference=reference if self.turns else None)


def compose(scene: Scene, voices: "Sequence[Voice] | None" = None) -> Composition:
    """Compose a scene from `voices`, by default those of the shipped sample.

    Raises:
        UsageError: pyannote.audio, which ships the sample, is not installed.
    """
    speaking = _shipped_voices() if voices is None else voices
    random = np.random.default_rng(int.from_bytes(scene.name.encode()[:8], "big"))
    waveform = np.asarray(random.standard_normal(round(scene.seconds * SAMPLE_RATE)), np.float32) * scene.noise
    turns = [turn for turn in _add_turns(waveform, scene, random, speaking) if turn.duration]
    if scene.music:
        first, last = (round(second * SAMPLE_RATE) for second in scene.music)
        waveform[first:last] = _music(last - first)
        turns = [part for turn in turns for part in _cut_out(turn, *scene.music)]
    samples = np.round(np.clip(waveform, -1, 1) * _FULL_SCALE).astype(np.int16)
    return Composition(name=scene.name, samples=samples, turns=tuple(sorted(turns)))


def _shipped_voices() -> "Sequence[Voice]":
    from diarize_runner.benchmark.compose.voices import voices

    return voices()


def _add_turns(
    waveform: "Samples", scene: Scene, random: np.random.Generator, voices: "Sequence[Voice]"
) -> Iterator[SpeakerTurn]:
    """Add speaker turns to `waveform`; consecutive turns have different speakers, if there are several."""
    now, speaker = random.uniform(0, scene.pause), 0
    while scene.speakers and now < scene.seconds:
        speaker = (speaker + int(random.integers(1, max(2, scene.speakers)))) % scene.speakers
        seconds = random.uniform(0.8, _MAX_TURN_SECONDS)
        speech = voices[speaker].speak(random.uniform(0, 10), seconds)
        first = round(now * SAMPLE_RATE)
        waveform[first : first + len(speech)] += speech[: len(waveform) - first]
        yield SpeakerTurn(start=now, end=min(now + seconds, scene.seconds), speaker=f"voice-{speaker}")
        now += seconds + random.uniform(-min(scene.overlap, seconds / 2), scene.pause)


def _cut_out(turn: SpeakerTurn, start: float, end: float) -> Iterator[SpeakerTurn]:
    """Yield the parts of a turn before `start` and after `end`."""
    if turn.start < start:
        yield SpeakerTurn(start=turn.start, end=min(turn.end, start), speaker=turn.speaker)
    if turn.end > end:
        yield SpeakerTurn(start=max(turn.start, end), end=turn.end, speaker=turn.speaker)


def _music(samples: int) -> "Samples":
    """Synthesise chords of plucked strings, two per second."""
    time = np.arange(samples, dtype=np.float32) / SAMPLE_RATE
    beat, since = np.divmod(time, 0.5)
    pitch = np.array(_CHORDS, np.float32)[beat.astype(int) % len(_CHORDS)].T
    strings = sum(np.sin(2 * np.pi * note * part * time) / part for note in pitch for part in (1, 2, 3))
    return np.asarray(0.05 * np.exp(-3 * since) * strings, np.float32)
