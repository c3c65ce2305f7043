"""Purity and coverage of labels over all recordings, taken as one recording whose people are the reference."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
from pyannote.core import Annotation, Segment
from pyannote.metrics.diarization import DiarizationCoverage, DiarizationPurity

from benchmarks.linking.heard import Heard
from benchmarks.linking.methods import Labels, by_reference
from diarize_runner.diarization.turns import Diarization, SpeakerTurn

_APART = 10_000.0
"""Seconds from the start of one recording to that of the next; more than any lasts."""

Figures = dict[str, float]


def figures(recordings: Sequence[Heard], labels: Labels) -> Figures:
    """Return purity, coverage, their harmonic mean, and the number of labels."""
    reference = _join([recording.reference for recording in recordings])
    found = _join([_rename(each.diarization, names) for each, names in zip(recordings, labels, strict=True)])
    purity, coverage = DiarizationPurity()(reference, found), DiarizationCoverage()(reference, found)
    return {
        "purity": float(purity),
        "coverage": float(coverage),
        "harmonic_mean": float(2 * purity * coverage / (purity + coverage)),
        "labels": len(found.labels()),
    }


def spread(several: Sequence[Figures]) -> dict[str, dict[str, float]]:
    """Return the mean, least and greatest of each figure."""
    return {
        name: {
            "mean": round(float(np.mean([each[name] for each in several])), 4),
            "least": round(min(each[name] for each in several), 4),
            "greatest": round(max(each[name] for each in several), 4),
        }
        for name in several[0]
    }


def cosines(recordings: Sequence[Heard]) -> dict[str, dict[str, float]]:
    """Return the quantiles of the cosines between speakers of different recordings; none without such pairs."""
    people = by_reference(recordings)
    voices = [
        (number, people[number][label], voice.embedding)
        for number, recording in enumerate(recordings)
        for label, voice in recording.voices.items()
    ]
    scored = [
        (first[1] == second[1], float(first[2] @ second[2]))
        for first, second in combinations(voices, 2)
        if first[0] != second[0]
    ]
    return {
        "same_person": _quantiles([cosine for same, cosine in scored if same]),
        "different_people": _quantiles([cosine for same, cosine in scored if not same]),
    }


def _quantiles(scores: Sequence[float]) -> dict[str, float]:
    shares: Mapping[str, float] = {"least": 0.0, "5 %": 0.05, "median": 0.5, "95 %": 0.95, "greatest": 1.0}
    return {name: round(float(np.quantile(scores, share)), 4) for name, share in shares.items() if scores}


def _join(diarizations: Sequence[Diarization]) -> Annotation:
    joined = Annotation()
    for number, diarization in enumerate(diarizations):
        for track, turn in enumerate(diarization.turns):
            start = number * _APART
            joined[Segment(start + turn.start, start + turn.end), f"{number} {track}"] = turn.speaker
    return joined


def _rename(diarization: Diarization, labels: Mapping[str, str]) -> Diarization:
    turns = tuple(_renamed(diarization.turns, labels))
    return Diarization(uri=diarization.uri, turns=turns, exclusive_turns=())


def _renamed(turns: Sequence[SpeakerTurn], labels: Mapping[str, str]) -> Iterator[SpeakerTurn]:
    for turn in turns:
        yield SpeakerTurn(start=turn.start, end=turn.end, speaker=labels[turn.speaker])
