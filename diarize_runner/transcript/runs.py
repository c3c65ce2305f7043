"""Runs of words that one speaker says."""

from collections.abc import Sequence
from typing import NamedTuple

from diarize_runner.transcript.hearing import Label, Time


class Run(NamedTuple):
    """The words from `first` up to, and without, `after`."""

    first: int
    after: int
    speaker: str | None

    def seconds(self, times: Sequence[Time]) -> float:
        """Return how long it lasts, from its first word to its last; `times` are those of all words."""
        return (times[self.after - 1][1] - times[self.first][0]) / 1_000_000


def runs(labels: Sequence[Label]) -> list[Run]:
    """Cut words where the speaker changes; nobody's words go with those before them, or else after."""
    found: list[Run] = []
    first, speaker = 0, next((label.speaker for label in labels if label.speaker is not None), None)
    for index, label in enumerate(labels):
        if label.speaker is not None and label.speaker != speaker:
            found.append(Run(first=first, after=index, speaker=speaker))
            first, speaker = index, label.speaker
    return [*found, Run(first=first, after=len(labels), speaker=speaker)]


def joined(left: Run, right: Run, speaker: str | None) -> Run:
    """Make one run of two neighbours, or of two and what is between them."""
    return Run(first=left.first, after=right.after, speaker=speaker)
