"""A labelled transcript as utterances to score; JSON as whisperX writes it, which both programs give."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

Utterance = dict[str, Any]
"""As meeteval's SegLST: `start_time`, `end_time`, `words` and `speaker`, which is None if no speaker was found."""


def by_segments(labelled: Mapping[str, Any]) -> list[Utterance]:
    """Return each segment, as said by the segment's speaker."""
    return [
        _utterance(_speaker(segment), segment["text"], segment["start"], segment["end"])
        for segment in labelled["segments"]
    ]


def by_words(labelled: Mapping[str, Any]) -> list[Utterance]:
    """Return each run of words with one speaker within a segment: numbers and contractions are normalised together."""
    return [
        _utterance(speaker, " ".join(word["word"].strip() for word in run), run[0]["start"], run[-1]["end"])
        for segment in labelled["segments"]
        for speaker, run in _runs(segment.get("words", ()))
    ]


def count_words(labelled: Mapping[str, Any]) -> tuple[int, int]:
    """Return the number of words, and of those without a speaker."""
    words = [word for segment in labelled["segments"] for word in segment.get("words", ())]
    return len(words), sum(1 for word in words if _speaker(word) is None)


def total_rate(scores: Sequence[Mapping[str, int]]) -> float:
    """Return all errors / all words of the references, in percent."""
    return round(100 * sum(each["errors"] for each in scores) / sum(each["words"] for each in scores), 1)


def _runs(words: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str | None, list[Mapping[str, Any]]]]:
    return ((speaker, [*run]) for speaker, run in groupby(words, key=_speaker))


def _speaker(labelled: Mapping[str, Any]) -> str | None:
    return labelled.get("speaker")


def _utterance(speaker: str | None, text: str, start: float, end: float) -> Utterance:
    return {"speaker": speaker, "words": text.strip(), "start_time": start, "end_time": end}
