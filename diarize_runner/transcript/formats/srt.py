"""SubRip subtitles, each with its speaker in front.

    1
    00:00:00,000 --> 00:00:02,500
    [SPEAKER_00] Hello

Cues are in order of start. A text is on one line, for a blank line would end its cue. A segment that
nobody can be found for has no label, and one without text has no cue: there is nothing to show.
SubRip has no specification, and no way to escape. Its readers know the line of times by its arrow, so a text has `->`
for `-->`, as Whisper's own writer does.
"""

import re
from operator import attrgetter

from diarize_runner.transcript.formats.clock import timestamp
from diarize_runner.transcript.formats.fields import one_line
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript

_ARROW = re.compile("--+>")


def render(transcript: LabelledTranscript) -> str:
    """Write the segments as numbered cues."""
    spoken = (segment for segment in transcript.segments if one_line(segment.text))
    cues = enumerate(sorted(spoken, key=attrgetter("start")), start=1)
    return "\n".join(_cue(number, segment) for number, segment in cues)


def _cue(number: int, segment: LabelledSegment) -> str:
    label = "" if segment.speaker is None else f"[{one_line(segment.speaker)}] "
    text = _ARROW.sub("->", f"{label}{one_line(segment.text)}")
    return f"{number}\n{timestamp(segment.start, ',')} --> {timestamp(segment.end, ',')}\n{text}\n"
