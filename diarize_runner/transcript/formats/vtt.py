"""WebVTT subtitles, each in the voice of its speaker.

    WEBVTT

    00:00:00.000 --> 00:00:02.500
    <v SPEAKER_00>Hello</v>

A player shows only the text, and can style each voice. Cues are in order of start, no line is blank, and `&`, `<` and
`>` are escaped, so that no text reads as markup or as `-->`. A cue of zero length lasts a millisecond. A cue without a
speaker has no voice; a segment without a text has no cue.

Specified in https://www.w3.org/TR/webvtt1/#file-structure.
"""

from collections.abc import Iterable

from diarize_runner.transcript.formats.clock import format_timestamp, to_milliseconds
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.fields import one_line
from diarize_runner.transcript.model import LabelledTranscript
from diarize_runner.transcript.subtitles.cues import Cue, segment_cues, sentence_cues
from diarize_runner.transcript.subtitles.layout import SubtitleLayout

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\0": "\ufffd"})
"""WebVTT does not allow NUL; readers replace it with U+FFFD too."""


def render(transcript: LabelledTranscript) -> str:
    """Write the segments as cues."""
    return _write(segment_cues(transcript))


def render_sentences(document: Document, layout: SubtitleLayout) -> str:
    """Write cues that are laid out for reading; the voice takes no place in a line."""
    return _write(sentence_cues(document.transcript, layout, document.duration, lambda _: 0))


def _write(cues: Iterable[Cue]) -> str:
    return "WEBVTT\n" + "".join(map(_cue, cues))


def _cue(cue: Cue) -> str:
    start = to_milliseconds(cue.start)
    end = max(to_milliseconds(cue.end), start + 1)
    times = f"{format_timestamp(start / 1000, '.')} --> {format_timestamp(end / 1000, '.')}"
    text = _add_voice("\n".join(map(_escape, cue.lines)), cue.speaker)
    return f"\n{times}\n{text}\n"


def _add_voice(text: str, speaker: str | None) -> str:
    name = _escape(speaker or "")
    return f"<v {name}>{text}</v>" if name else text


def _escape(text: str) -> str:
    return one_line(text).translate(_ESCAPES)
