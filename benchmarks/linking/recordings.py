"""Compose recordings of known people; no second of their speech is in two recordings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.signal import butter, resample_poly, sosfilt

from benchmarks.voices.speech import Samples
from diarize_runner.benchmark.compose.scene import Composition, Scene, compose
from diarize_runner.benchmark.compose.voices import Voice
from diarize_runner.diarization.audio import SAMPLE_RATE, Recording
from diarize_runner.diarization.turns import Diarization
from diarize_runner.transcript.exclusive import make_exclusive

_SIZES = (2, 3, 4)
"""People in a recording."""
_SECONDS = 12.0
"""Of a recording, for each of its people."""
_NOISE = (0.0005, 0.002, 0.005)
"""Standard deviation, of full scale."""
_TELEPHONE_RATE = 8_000
_PASSED = (300, 3_400)
"""Hz."""
_ORDER = 6


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Known:
    """A recording, and who speaks when in it."""

    recording: Recording
    reference: Diarization
    """Its labels are the names of people."""

    def by_telephone(self) -> "Known":
        """Return the recording as a telephone carries it."""
        waveform = _telephone(self.recording.waveform)
        return replace(self, recording=Recording(uri=self.recording.uri, waveform=waveform))


def record(people: Mapping[str, Sequence[Samples]], count: int) -> list[Known]:
    """Return recordings of two to four people each; everybody is in about as many of them.

    The speech of each person is cut into as many parts as there are recordings of that person.
    """
    teams = list(_teams(list(people), count))
    parts = {
        name: iter(np.array_split(np.concatenate(utterances), sum(name in team for team in teams)))
        for name, utterances in people.items()
    }
    return [_record(number, {name: next(parts[name]) for name in team}) for number, team in enumerate(teams)]


def _teams(people: Sequence[str], count: int) -> list[list[str]]:
    """Return who is in each recording: those who were in the fewest before, at random among equals."""
    random, times = np.random.default_rng(0), dict.fromkeys(people, 0)
    teams = []
    for number in range(count):
        rank = {name: (times[name], random.random()) for name in people}
        team = sorted(people, key=lambda name: rank[name])[: _SIZES[number % len(_SIZES)]]
        for name in team:
            times[name] += 1
        teams.append(team)
    return teams


def _record(number: int, speech: Mapping[str, Samples]) -> Known:
    """Return a recording in which people take turns, with pauses and overlaps."""
    scene = Scene(
        name=f"link-{number:03d}",
        seconds=_SECONDS * len(speech),
        speakers=len(speech),
        noise=_NOISE[number % len(_NOISE)],
    )
    composed = compose(scene, [Voice(speech=samples) for samples in speech.values()])
    return Known(recording=composed.recording, reference=_name(composed, list(speech)))


def _name(composed: Composition, people: Sequence[str]) -> Diarization:
    named = {f"voice-{number}": name for number, name in enumerate(people)}
    turns = tuple(sorted(replace(turn, speaker=named[turn.speaker]) for turn in composed.turns))
    return Diarization(uri=composed.name, turns=turns, exclusive_turns=make_exclusive(turns))


def _telephone(samples: Samples) -> Samples:
    """Return 300 to 3400 Hz of samples, sampled at 8 kHz, resampled to 16 kHz."""
    factor = SAMPLE_RATE // _TELEPHONE_RATE
    narrow = resample_poly(samples, 1, factor)
    passed = sosfilt(butter(_ORDER, _PASSED, "bandpass", fs=_TELEPHONE_RATE, output="sos"), narrow)
    return np.asarray(resample_poly(passed, factor, 1), dtype=np.float32)
