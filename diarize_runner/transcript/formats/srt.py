"""SubRip subtitles, each with its speaker in front.

    1
    00:00:00,000 --> 00:00:02,500
    [SPEAKER_00] Hello

Cues are in order of start. A blank line would end a cue, so no line is blank. A cue without a speaker has no label; a
segment without a text has no cue. SubRip has no specification and no escapes. Readers recognise the line of times by
its arrow, so `-->` in a text becomes `->`, as in Whisper's own writer.
"""

import re
from collections.abc import Iterable

from diarize_runner.transcript.formats.clock import format_timestamp
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.fields import one_line
from diarize_runner.transcript.model import LabelledTranscript
from diarize_runner.transcript.subtitles.cues import Cue, segment_cues, sentence_cues
from diarize_runner.transcript.subtitles.layout import SubtitleLayout
from diarize_runner.transcript.subtitles.tokens import text_width

_ARROW = re.compile("--+>")


def render(transcript: LabelledTranscript) -> str:
    """Write the segments as numbered cues."""
    return _write(segment_cues(transcript))


def render_sentences(document: Document, layout: SubtitleLayout) -> str:
    """Write numbered cues that are laid out for reading."""
    cues = sentence_cues(document.transcript, layout, document.duration, lambda speaker: text_width(_label(speaker)))
    return _write(cues)


def _write(cues: Iterable[Cue]) -> str:
    return "\n".join(_cue(number, cue) for number, cue in enumerate(cues, start=1))


def _cue(number: int, cue: Cue) -> str:
    text = _ARROW.sub("->", _label(cue.speaker) + "\n".join(cue.lines))
    return f"{number}\n{format_timestamp(cue.start, ',')} --> {format_timestamp(cue.end, ',')}\n{text}\n"


def _label(speaker: str | None) -> str:
    return "" if speaker is None else f"[{one_line(speaker)}] "
