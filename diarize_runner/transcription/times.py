"""Times of words that any player and any reader can use.

Whisper times words by its attention: some words take no time, a word can begin before the one before ends, and the
last one can end after the recording.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

_STEP: Final = 0.02
"""Seconds; Whisper knows no shorter time."""


def repair_times(segments: Sequence[Mapping[str, Any]], duration: float) -> list[dict[str, Any]]:
    """Return the segments with times in seconds that lie within the recording, and words one after the other.

    A word takes at least 0.02 s. A segment lasts from its first word to its last one.
    """
    words = [dict(word) for segment in segments for word in segment.get("words", ())]
    _separate(words)
    _pull_before(duration, words)
    left = iter(words)
    return [_with_times(segment, left, duration) for segment in segments]


def _separate(words: Sequence[dict[str, Any]]) -> None:
    """Give each word a time, and end it where the next one begins."""
    for word, following in pairwise([*words, {"start": math.inf}]):
        if following["start"] - word["start"] >= _STEP:
            word["end"] = min(word["end"], following["start"])
        word["end"] = max(word["end"], round(word["start"] + _STEP, 3))
        following["start"] = max(following["start"], word["end"])


def _pull_before(limit: float, words: Sequence[dict[str, Any]]) -> None:
    """Move words that end after `limit`, and those that they then overlap."""
    for word in reversed(words):
        word["end"] = min(word["end"], limit)
        word["start"] = max(0.0, min(word["start"], round(word["end"] - _STEP, 3)))
        limit = word["start"]


def _with_times(segment: Mapping[str, Any], words: Iterator[dict[str, Any]], duration: float) -> dict[str, Any]:
    """Take the segment's words from the front of `words`."""
    if not segment.get("words"):
        return {**segment, "start": min(segment["start"], duration), "end": min(segment["end"], duration)}
    own = [next(words) for _ in segment["words"]]
    return {**segment, "start": own[0]["start"], "end": own[-1]["end"], "words": own}
