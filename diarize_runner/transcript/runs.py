"""Runs of consecutive words by one speaker."""

from collections.abc import Sequence
from typing import NamedTuple

from diarize_runner.transcript.speaker_index import Label, TimeRange


class Run(NamedTuple):
    """The words `[first:after]` of a segment."""

    first: int
    after: int
    speaker: str | None

    def seconds(self, times: Sequence[TimeRange]) -> float:
        """Return its duration in seconds, from first word to last; `times` are those of all words."""
        return (times[self.after - 1][1] - times[self.first][0]) / 1_000_000


def find_runs(labels: Sequence[Label]) -> list[Run]:
    """Cut words where the speaker changes; words without a speaker join the run before, or the first run."""
    found: list[Run] = []
    first, speaker = 0, next((label.speaker for label in labels if label.speaker is not None), None)
    for index, label in enumerate(labels):
        if label.speaker is not None and label.speaker != speaker:
            found.append(Run(first=first, after=index, speaker=speaker))
            first, speaker = index, label.speaker
    return [*found, Run(first=first, after=len(labels), speaker=speaker)]


def merge_runs(left: Run, right: Run, speaker: str | None) -> Run:
    """Return one run from the start of `left` to the end of `right`."""
    return Run(first=left.first, after=right.after, speaker=speaker)
