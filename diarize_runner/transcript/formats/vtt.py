"""WebVTT subtitles, each in the voice of its speaker.

    WEBVTT

    00:00:00.000 --> 00:00:02.500
    <v SPEAKER_00>Hello</v>

A player shows only the text, and can style each voice. Cues are in order of start, a text is on one line, and `&`, `<`
and `>` are escaped, so that no text reads as markup or as `-->`. A cue of zero length lasts a millisecond. A segment
without a speaker has no voice; one without text has no cue.

Specified in https://www.w3.org/TR/webvtt1/#file-structure.
"""

from operator import attrgetter

from diarize_runner.transcript.formats.clock import format_timestamp, to_milliseconds
from diarize_runner.transcript.formats.fields import one_line
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\0": "\ufffd"})
"""WebVTT does not allow NUL; readers replace it with U+FFFD too."""


def render(transcript: LabelledTranscript) -> str:
    """Write the segments as cues."""
    with_text = (segment for segment in transcript.segments if one_line(segment.text))
    return "WEBVTT\n" + "".join(map(_cue, sorted(with_text, key=attrgetter("start"))))


def _cue(segment: LabelledSegment) -> str:
    start = to_milliseconds(segment.start)
    end = max(to_milliseconds(segment.end), start + 1)
    times = f"{format_timestamp(start / 1000, '.')} --> {format_timestamp(end / 1000, '.')}"
    return f"\n{times}\n{_add_voice(_escape(segment.text), segment.speaker)}\n"


def _add_voice(text: str, speaker: str | None) -> str:
    name = _escape(speaker or "")
    return f"<v {name}>{text}</v>" if name else text


def _escape(text: str) -> str:
    return one_line(text).translate(_ESCAPES)
