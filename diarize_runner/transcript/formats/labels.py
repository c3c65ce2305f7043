"""Labels for Audacity: one line for each segment, or without a transcript, for each speaker turn.

    0.000000<tab>2.500000<tab>SPEAKER_00: Hello
    0.000000<tab>2.800000<tab>SPEAKER_00

Times are in seconds. A tab or line end in a name or text would end the label, so it becomes a space.

Described in https://manual.audacityteam.org/man/importing_and_exporting_labels.html.
"""

from diarize_runner.transcript.formats.fields import one_line
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript


def render(transcript: LabelledTranscript) -> str:
    """Write the segments, or without any, the turns."""
    if transcript.segments:
        return "".join(_line(segment.start, segment.end, _label(segment)) for segment in transcript.segments)
    return "".join(_line(turn.start, turn.end, one_line(turn.speaker)) for turn in transcript.diarization.turns)


def _line(start: float, end: float, label: str) -> str:
    return f"{start:.6f}\t{end:.6f}\t{label}\n"


def _label(segment: LabelledSegment) -> str:
    name = "" if segment.speaker is None else f"{one_line(segment.speaker)}: "
    return f"{name}{one_line(segment.text)}"
