"""What is diarized: recordings composed of six voices, the same on every machine."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.engines.voices import Samples, voices
from diarize_runner.benchmark.workload import shipped_sample
from diarize_runner.diarization.audio import SAMPLE_RATE, Recording, decode

_LONGEST_TURN = 8.0
_HISS = 0.0005
"""Of full scale, throughout, as in a quiet room."""
_CHORDS = ((220.0, 277.2, 329.6), (196.0, 246.9, 293.7), (174.6, 220.0, 261.6), (164.8, 207.7, 246.9))
"""Hertz."""


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
    spoken: tuple[float, ...] = ()
    """Where there are any, the minutes, counted from 0, in which there is speech at all."""


SCENES = (
    Scene(name="one-word", seconds=1.0, speakers=1),
    Scene(name="a-sentence-each", seconds=6.5, speakers=2),
    Scene(name="one-chunk", seconds=10.0, speakers=2),
    Scene(name="one-chunk-and-a-sample", seconds=10.0 + 1 / SAMPLE_RATE, speakers=2),
    Scene(name="monologue", seconds=60.0, speakers=1, pause=1.5),
    Scene(name="interview", seconds=150.0, speakers=2),
    Scene(name="phone-call-with-music-on-hold", seconds=100.0, speakers=2, pause=1.0, music=(30.0, 65.0)),
    Scene(name="dictation-with-long-pauses", seconds=90.0, speakers=1, pause=12.0),
    Scene(name="meeting-of-four", seconds=150.0, speakers=4, overlap=1.0),
    Scene(name="quarrel-of-six", seconds=120.0, speakers=6, pause=0.2, overlap=3.0),
    Scene(name="noisy-cafe", seconds=60.0, speakers=3, noise=0.01),
    Scene(name="silence", seconds=45.0, speakers=0),
    Scene(name="music", seconds=45.0, speakers=0, music=(0.0, 45.0)),
    Scene(name="hearing-of-five", seconds=300.0, speakers=5, pause=1.5, overlap=0.8),
)

HALF_AN_HOUR = Scene(name="half-an-hour", seconds=1800.0, speakers=4, pause=2.0, overlap=0.8)
"""Diarized where it is asked for by name: stock takes half an hour of a CPU."""


def recordings(names: Collection[str] = ()) -> Iterator[Recording]:
    """Yield pyannote's own sample and every scene, or those of `names`."""
    if not names or "sample" in names:
        yield decode(shipped_sample().audio)
    for scene in (*SCENES, HALF_AN_HOUR) if names else SCENES:
        if not names or scene.name in names:
            yield composed(scene)


def composed(scene: Scene) -> Recording:
    """Compose a scene."""
    random = np.random.default_rng(int.from_bytes(scene.name.encode()[:8], "big"))
    sound = np.asarray(random.standard_normal(round(scene.seconds * SAMPLE_RATE)), np.float32) * scene.noise
    _speak(sound, scene, random)
    if scene.music:
        first, last = (round(second * SAMPLE_RATE) for second in scene.music)
        sound[first:last] = _music(last - first)
    whole = np.round(np.clip(sound, -1, 1) * 32767) / 32767
    return Recording(uri=scene.name, waveform=whole.astype(np.float32))


def _speak(sound: Samples, scene: Scene, random: np.random.Generator) -> None:
    """Add turn after turn, each of another speaker than the one before where there are several."""
    now, speaker = random.uniform(0, scene.pause), 0
    while scene.speakers and now < scene.seconds:
        speaker = (speaker + int(random.integers(1, max(2, scene.speakers)))) % scene.speakers
        seconds = random.uniform(0.8, _LONGEST_TURN)
        said = voices()[speaker].says(random.uniform(0, 10), seconds)
        first = round(now * SAMPLE_RATE)
        sound[first : first + len(said)] += said[: len(sound) - first]
        now += seconds + random.uniform(-min(scene.overlap, seconds / 2), scene.pause)


def _music(samples: int) -> Samples:
    """Return chords of plucked strings, two a second."""
    time = np.arange(samples, dtype=np.float32) / SAMPLE_RATE
    beat, since = np.divmod(time, 0.5)
    pitch = np.array(_CHORDS, np.float32)[beat.astype(int) % len(_CHORDS)].T
    strings = sum(np.sin(2 * np.pi * note * part * time) / part for note in pitch for part in (1, 2, 3))
    return np.asarray(0.05 * np.exp(-3 * since) * strings, np.float32)
