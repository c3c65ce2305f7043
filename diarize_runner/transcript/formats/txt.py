"""Plain text to read: a line for as long as one speaker goes on.

    [00:00:00] SPEAKER_00: Hello. Can you hear me?
    [00:00:05] SPEAKER_01: I can.

In front is when it begins. Segments are in order of start; what nobody can be found for has no name in front of it.
"""

from itertools import groupby
from operator import attrgetter

from diarize_runner.transcript.formats.clock import clock
from diarize_runner.transcript.formats.fields import one_line
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript


def render(transcript: LabelledTranscript) -> str:
    """Write what was said, by whom."""
    spoken = (segment for segment in transcript.segments if one_line(segment.text))
    in_order = sorted(spoken, key=attrgetter("start"))
    return "".join(_line(speaker, list(run)) for speaker, run in groupby(in_order, key=attrgetter("speaker")))


def _line(speaker: str | None, run: list[LabelledSegment]) -> str:
    name = "" if speaker is None else f"{one_line(speaker)}: "
    return f"[{clock(run[0].start)}] {name}{' '.join(one_line(segment.text) for segment in run)}\n"
