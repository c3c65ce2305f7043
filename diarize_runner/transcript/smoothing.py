"""Reassign a word or two within one speaker's sentence to that speaker."""

from collections.abc import Iterator, Sequence

from diarize_runner.transcript.model import Attribution, Segment
from diarize_runner.transcript.rules import SmoothingLimits
from diarize_runner.transcript.runs import Run, find_runs, merge_runs
from diarize_runner.transcript.sentences import split_sentences
from diarize_runner.transcript.speaker_index import Label, TimeRange


def smooth_labels(
    segment: Segment, times: Sequence[TimeRange], labels: Sequence[Label], limits: SmoothingLimits
) -> list[Label]:
    """Return the labels; runs within `limits` take the speaker on both sides in the sentence."""
    smoothed: list[Label] = []
    for sentence in split_sentences(segment.text, segment.words):
        selected = slice(len(smoothed), len(smoothed) + len(sentence.words))
        smoothed.extend(_smooth_sentence(times[selected], labels[selected], limits))
    return smoothed


def _smooth_sentence(times: Sequence[TimeRange], labels: Sequence[Label], limits: SmoothingLimits) -> Iterator[Label]:
    for run in _absorb_islands(find_runs(labels), times, limits):
        for label in labels[run.first : run.after]:
            yield label if label.speaker in (None, run.speaker) else _reassign(label, run.speaker)


def _absorb_islands(runs: list[Run], times: Sequence[TimeRange], limits: SmoothingLimits) -> list[Run]:
    smoothed: list[Run] = []
    for run in runs:
        if len(smoothed) > 1 and smoothed[-2].speaker == run.speaker and _is_small(smoothed[-1], times, limits):
            smoothed[-2:] = [merge_runs(smoothed[-2], run, run.speaker)]
        else:
            smoothed.append(run)
    return smoothed


def _is_small(run: Run, times: Sequence[TimeRange], limits: SmoothingLimits) -> bool:
    return run.after - run.first <= limits.words and run.seconds(times) <= limits.seconds


def _reassign(label: Label, speaker: str | None) -> Label:
    speakers = (label.speaker, *label.attribution.also)
    also = tuple(name for name in speakers if name is not None and name != speaker)
    return Label(speaker, Attribution(how="smoothed", also=also))
