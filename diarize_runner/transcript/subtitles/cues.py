"""The cues of a transcript: its segments as they are, or laid out for reading.

Laid out, a cue ends where a sentence ends, if that is possible within the limits; else at a comma, a pause or the end
of a segment; else between two words. It has one speaker. It may join segments, or be a part of one.

A cue lasts until its text can be read, if the next cue leaves room, and never less than its words, up to the maximum.
A cue that would be too short to see overlaps the next one. No text is left out: fast speech exceeds the reading speed,
and a word that is wider than a line has a line of its own.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from operator import attrgetter

from diarize_runner.transcript.formats.fields import one_line
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript
from diarize_runner.transcript.subtitles.layout import SubtitleLayout
from diarize_runner.transcript.subtitles.partition import split_cues, wrap
from diarize_runner.transcript.subtitles.tokens import Token, read_tokens, text_width

_LONG_PAUSE = 2.0
"""Seconds of silence that no cue extends over."""
_VISIBLE = 0.25
"""Seconds; viewers miss a shorter cue."""

LabelWidth = Callable[[str | None], int]
"""Returns the characters that the label of a speaker takes in the first line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cue:
    """One subtitle."""

    start: float
    """Seconds from the start of the recording."""
    end: float
    """Seconds from the start of the recording."""
    speaker: str | None
    lines: tuple[str, ...]


def segment_cues(transcript: LabelledTranscript) -> list[Cue]:
    """Return a cue of one line for each segment that has a text, in order of start."""
    return [
        Cue(start=segment.start, end=segment.end, speaker=segment.speaker, lines=(one_line(segment.text),))
        for segment in _segments_with_text(transcript)
    ]


def sentence_cues(
    transcript: LabelledTranscript, layout: SubtitleLayout, seconds: float, label_width: LabelWidth
) -> list[Cue]:
    """Return cues within the limits of a layout, in order of start; `seconds` is the end of the recording."""
    cues = [
        Cue(
            start=cue[0].start,
            end=max(token.end for token in cue),
            speaker=speaker,
            lines=wrap(cue, layout.line_length, label_width(speaker)),
        )
        for speaker, tokens in _utterances(transcript)
        for cue in split_cues(tokens, layout, label_width(speaker))
    ]
    in_order = sorted(cues, key=attrgetter("start"))
    rooms = [*(following.start for following in in_order[1:]), seconds]
    return [_extend(cue, room, layout) for cue, room in zip(in_order, rooms, strict=False)]


def _segments_with_text(transcript: LabelledTranscript) -> list[LabelledSegment]:
    return sorted((segment for segment in transcript.segments if one_line(segment.text)), key=attrgetter("start"))


def _utterances(transcript: LabelledTranscript) -> Iterator[tuple[str | None, Sequence[Token]]]:
    """Yield the words of one speaker, until the speaker changes or a long pause begins."""
    for speaker, run in groupby(_segments_with_text(transcript), key=attrgetter("speaker")):
        tokens = [token for segment in run for token in read_tokens(segment)]
        pauses = [index for index, pair in enumerate(pairwise(tokens), start=1) if _has_pause(*pair)]
        for first, after in pairwise([0, *pauses, len(tokens)]):
            yield speaker, tokens[first:after]


def _has_pause(left: Token, right: Token) -> bool:
    return right.start - left.end >= _LONG_PAUSE


def _extend(cue: Cue, room: float, layout: SubtitleLayout) -> Cue:
    """Return the cue with the end that lets it be read, up to `room`."""
    width = text_width(" ".join(cue.lines))
    to_read = min(max(layout.min_seconds, width / layout.reading_speed), layout.max_seconds)
    spoken = min(cue.end, cue.start + layout.max_seconds)
    end = max(spoken, min(cue.start + to_read, room))
    if end - cue.start < _VISIBLE:
        end = cue.start + max(layout.min_seconds, 0.001)
    return replace(cue, end=end)
