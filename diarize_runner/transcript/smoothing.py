"""Let a word or two in the midst of another's sentence go to the one who says the rest."""

from collections.abc import Iterator, Sequence

from diarize_runner.transcript.hearing import Label, Time
from diarize_runner.transcript.model import Attribution, Segment
from diarize_runner.transcript.rules import Island
from diarize_runner.transcript.runs import Run, joined, runs
from diarize_runner.transcript.sentences import sentences


def smoothed(segment: Segment, times: Sequence[Time], labels: Sequence[Label], largest: Island) -> list[Label]:
    """Return the labels with every island gone that is no larger than `largest`."""
    done: list[Label] = []
    for sentence in sentences(segment.text, segment.words):
        own = slice(len(done), len(done) + len(sentence.words))
        done.extend(_without_islands(times[own], labels[own], largest))
    return done


def _without_islands(times: Sequence[Time], labels: Sequence[Label], largest: Island) -> Iterator[Label]:
    for run in _drained(runs(labels), times, largest):
        for label in labels[run.first : run.after]:
            yield label if label.speaker in (None, run.speaker) else _moved(label, run.speaker)


def _drained(found: list[Run], times: Sequence[Time], largest: Island) -> list[Run]:
    done: list[Run] = []
    for run in found:
        if len(done) > 1 and done[-2].speaker == run.speaker and _is_small(done[-1], times, largest):
            done[-2:] = [joined(done[-2], run, run.speaker)]
        else:
            done.append(run)
    return done


def _is_small(run: Run, times: Sequence[Time], largest: Island) -> bool:
    return run.after - run.first <= largest.words and run.seconds(times) <= largest.seconds


def _moved(label: Label, speaker: str | None) -> Label:
    heard = (label.speaker, *label.attribution.also)
    also = tuple(name for name in heard if name is not None and name != speaker)
    return Label(speaker, Attribution(how="smoothed", also=also))
