"""Plain text: one line for each run of segments by one speaker.

    [00:00:00] SPEAKER_00: Hello. Can you hear me?
    [00:00:05] SPEAKER_01: I can.

A line begins with its start time. Segments are in order of start; one without a speaker has no name.
"""

from itertools import groupby
from operator import attrgetter

from diarize_runner.transcript.formats.clock import format_clock
from diarize_runner.transcript.formats.fields import one_line
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript


def render(transcript: LabelledTranscript) -> str:
    """Write the text with speakers."""
    with_text = (segment for segment in transcript.segments if one_line(segment.text))
    in_order = sorted(with_text, key=attrgetter("start"))
    return "".join(_line(speaker, list(run)) for speaker, run in groupby(in_order, key=attrgetter("speaker")))


def _line(speaker: str | None, run: list[LabelledSegment]) -> str:
    name = "" if speaker is None else f"{one_line(speaker)}: "
    return f"[{format_clock(run[0].start)}] {name}{' '.join(one_line(segment.text) for segment in run)}\n"
