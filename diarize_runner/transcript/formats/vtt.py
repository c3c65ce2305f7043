"""WebVTT subtitles, each in the voice of its speaker.

    WEBVTT

    00:00:00.000 --> 00:00:02.500
    <v SPEAKER_00>Hello</v>

A player shows the text alone, and can style each voice. Cues are in order of start, a text is on one line, and `&`,
`<` and `>` are escaped, so that no text can be taken for markup or for `-->`. A cue must last: one without length gets
a millisecond. A segment that nobody can be found for is in no voice, and one without text has no cue.

Specified in https://www.w3.org/TR/webvtt1/#file-structure.
"""

from operator import attrgetter

from diarize_runner.transcript.formats.clock import milliseconds, timestamp
from diarize_runner.transcript.formats.fields import one_line
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\0": "\ufffd"})
"""NUL is in no WebVTT file; its readers too take it for U+FFFD."""


def render(transcript: LabelledTranscript) -> str:
    """Write the segments as cues."""
    spoken = (segment for segment in transcript.segments if one_line(segment.text))
    return "WEBVTT\n" + "".join(map(_cue, sorted(spoken, key=attrgetter("start"))))


def _cue(segment: LabelledSegment) -> str:
    start = milliseconds(segment.start)
    end = max(milliseconds(segment.end), start + 1)
    times = f"{timestamp(start / 1000, '.')} --> {timestamp(end / 1000, '.')}"
    return f"\n{times}\n{_voiced(_escaped(segment.text), segment.speaker)}\n"


def _voiced(text: str, speaker: str | None) -> str:
    name = _escaped(speaker or "")
    return f"<v {name}>{text}</v>" if name else text


def _escaped(text: str) -> str:
    return one_line(text).translate(_ESCAPES)
