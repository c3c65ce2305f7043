"""SubRip subtitles, each with its speaker in front.

    1
    00:00:00,000 --> 00:00:02,500
    [SPEAKER_00] Hello

Cues are in order of start. A text is on one line, because a blank line would end its cue. A segment without a speaker
has no label; one without text has no cue. SubRip has no specification and no escapes. Readers recognise the line of
times by its arrow, so `-->` in a text becomes `->`, as in Whisper's own writer.
"""

import re
from operator import attrgetter

from diarize_runner.transcript.formats.clock import format_timestamp
from diarize_runner.transcript.formats.fields import one_line
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript

_ARROW = re.compile("--+>")


def render(transcript: LabelledTranscript) -> str:
    """Write the segments as numbered cues."""
    with_text = (segment for segment in transcript.segments if one_line(segment.text))
    cues = enumerate(sorted(with_text, key=attrgetter("start")), start=1)
    return "\n".join(_cue(number, segment) for number, segment in cues)


def _cue(number: int, segment: LabelledSegment) -> str:
    label = "" if segment.speaker is None else f"[{one_line(segment.speaker)}] "
    text = _ARROW.sub("->", f"{label}{one_line(segment.text)}")
    return f"{number}\n{format_timestamp(segment.start, ',')} --> {format_timestamp(segment.end, ',')}\n{text}\n"
