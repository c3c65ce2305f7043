"""What to ask of whisperX for each segment, and which word gets which time of its answer.

whisperX splits a text at spaces, or between all characters in Chinese and Japanese. So the texts here have a space
between two words of the transcript, even where it has none (`well`, `-known`): each word gets times of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from diarize_runner.alignment.protocol import Utterance

_WITHOUT_SPACES: Final = ("ja", "zh")
_MARGIN: Final = 0.2
"""Seconds around a segment to look in: its bounds are Whisper's, whose times are about 0.1 s off."""

JsonObject = Mapping[str, Any]


def utterances(segments: Sequence[JsonObject], language: str, audio_seconds: float) -> tuple[Utterance, ...]:
    """Return the text of each segment, and where to look for it: never beyond the middle of a gap."""
    return tuple(
        Utterance(
            start=max(segment["start"] - _MARGIN, min(_middle(before, segment), segment["start"])),
            end=min(segment["end"] + _MARGIN, max(_middle(segment, after), segment["end"])),
            text=_joined(segment, language),
        )
        for before, segment, after in _neighbours(segments, audio_seconds)
    )


def align_segment(segment: JsonObject, aligned: Sequence[JsonObject], language: str) -> JsonObject | None:
    """Return the segment with the times of the aligned words; None if those are not its words.

    A word that has no time there keeps its own, as far as its neighbours leave it. The segment ends with its words.
    """
    parts = [_parts(word, language) for word in segment.get("words", ())]
    if not aligned or [each["word"] for each in aligned] != [part for each in parts for part in each]:
        return None
    rest = iter(aligned)
    spans = [_span(list(islice(rest, len(each)))) for each in parts]
    words = [_align_word(word, spans, index) for index, word in enumerate(segment["words"])]
    return {**segment, "start": words[0]["start"], "end": words[-1]["end"], "words": words}


def _neighbours(
    segments: Sequence[JsonObject], audio_seconds: float
) -> Iterator[tuple[JsonObject, JsonObject, JsonObject]]:
    before: JsonObject = {"end": 0.0}
    for segment, after in zip(segments, [*segments[1:], {"start": audio_seconds}], strict=True):
        yield before, segment, after
        before = segment


def _middle(before: JsonObject, after: JsonObject) -> float:
    return float(before["end"] + after["start"]) / 2


def _joined(segment: JsonObject, language: str) -> str:
    separator = "" if language in _WITHOUT_SPACES else " "
    return separator.join(part for word in segment.get("words", ()) for part in _parts(word, language))


def _parts(word: JsonObject, language: str) -> list[str]:
    """Return what whisperX takes for words."""
    texts: list[str] = word["word"].split()
    return list("".join(texts)) if language in _WITHOUT_SPACES else texts


def _span(aligned: Sequence[JsonObject]) -> tuple[float, float] | None:
    timed = [each for each in aligned if "start" in each and "end" in each]
    return (timed[0]["start"], timed[-1]["end"]) if timed else None


def _align_word(word: JsonObject, spans: Sequence[tuple[float, float] | None], index: int) -> JsonObject:
    span = spans[index]
    if span is None:
        earliest = max((each[1] for each in spans[:index] if each), default=word["start"])
        latest = max(earliest, min((each[0] for each in spans[index + 1 :] if each), default=word["end"]))
        span = (min(max(word["start"], earliest), latest), min(max(word["end"], earliest), latest))
    return {**word, "start": span[0], "end": span[1]}
