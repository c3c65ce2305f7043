"""SubRip subtitles, each with its speaker in front.

    1
    00:00:00,000 --> 00:00:02,500
    [SPEAKER_00] Hello

Cues are in order of start. A text is on one line, for a blank line would end its cue. A segment that
nobody can be found for has no label, and one without text has no cue: there is nothing to show.
"""

from operator import attrgetter

from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript


def render(transcript: LabelledTranscript) -> str:
    """Write the segments as numbered cues."""
    spoken = (segment for segment in transcript.segments if segment.text.strip())
    cues = enumerate(sorted(spoken, key=attrgetter("start")), start=1)
    return "\n".join(_cue(number, segment) for number, segment in cues)


def _cue(number: int, segment: LabelledSegment) -> str:
    label = "" if segment.speaker is None else f"[{segment.speaker}] "
    text = " ".join(segment.text.split())
    return f"{number}\n{_timestamp(segment.start)} --> {_timestamp(segment.end)}\n{label}{text}\n"


def _timestamp(seconds: float) -> str:
    # Rounded before it is split, so that a carry reaches the seconds: never `,1000`.
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    minutes, whole = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{whole:02d},{milliseconds:03d}"
