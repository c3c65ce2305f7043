"""Label the speakers of all recordings: each method returns labels by own label, for each recording in its order."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from benchmarks.linking.heard import Heard
from diarize_runner.voices.linking import HeardVoices

Labels = list[dict[str, str]]
_Speaker = tuple[int, str]
"""The number of a recording, and a label in it."""


def online(recordings: Sequence[Heard], threshold: float, order: Sequence[int]) -> Labels:
    """Link as the product does, in an order of the recordings."""
    heard, labels = HeardVoices(), dict[int, dict[str, str]]()
    for number in order:
        recording = recordings[number]
        labels[number] = heard.label(recording.speakers, recording.voices, threshold)
        heard = heard.add(labels[number], recording.voices)
    return [labels[number] for number in range(len(recordings))]


def offline(recordings: Sequence[Heard], threshold: float) -> Labels:
    """Cluster all speakers at the end: average linkage of cosines, never two speakers of one recording."""
    clusters = [[speaker] for speaker in _speakers(recordings)]
    while merged := _closest(recordings, clusters, threshold):
        first, second = merged
        clusters[first] += clusters.pop(second)
    labels = {speaker: f"cluster {number}" for number, cluster in enumerate(clusters) for speaker in cluster}
    return [
        {speaker: labels[number, speaker] for speaker in recording.speakers}
        for number, recording in enumerate(recordings)
    ]


def by_reference(recordings: Sequence[Heard]) -> Labels:
    """Label each speaker with the person who speaks most during the speaker's turns: no linking is purer."""
    return [{speaker: _person(recording, speaker) for speaker in recording.speakers} for recording in recordings]


def unlinked(recordings: Sequence[Heard]) -> Labels:
    """Return numbers by first appearance in each recording, as without `--link`."""
    return [
        {speaker: f"SPEAKER_{number:02d}" for number, speaker in enumerate(recording.speakers)}
        for recording in recordings
    ]


def _speakers(recordings: Sequence[Heard]) -> Iterator[_Speaker]:
    for number, recording in enumerate(recordings):
        for speaker in recording.speakers:
            yield number, speaker


def _closest(
    recordings: Sequence[Heard], clusters: Sequence[Sequence[_Speaker]], threshold: float
) -> tuple[int, int] | None:
    """Return the two clusters to merge next; None if none are similar enough."""
    pairs = [
        (_similarity(recordings, clusters[first], clusters[second]), first, second)
        for first, second in combinations(range(len(clusters)), 2)
    ]
    similarity, first, second = max(pairs, default=(-1.0, 0, 0))
    return (first, second) if similarity >= threshold else None


def _similarity(recordings: Sequence[Heard], first: Sequence[_Speaker], second: Sequence[_Speaker]) -> float:
    """Return the mean cosine between two clusters; -1 if both have a speaker of one recording, or one has no voice."""
    if {number for number, _ in first} & {number for number, _ in second}:
        return -1.0
    voices = [[recordings[number].voices.get(label) for number, label in cluster] for cluster in (first, second)]
    if None in voices[0] or None in voices[1]:
        return -1.0
    left, right = (np.stack([voice.embedding for voice in cluster if voice]) for cluster in voices)
    return float((left @ right.T).mean())


def _person(recording: Heard, speaker: str) -> str:
    spoken = Counter[str]()
    for turn in recording.diarization.turns:
        for true in recording.reference.turns if turn.speaker == speaker else ():
            spoken[true.speaker] += max(0.0, min(turn.end, true.end) - max(turn.start, true.start))
    return max(spoken, key=lambda name: spoken[name])
