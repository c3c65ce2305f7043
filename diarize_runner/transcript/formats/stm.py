"""NIST STM: one line for each segment.

    meeting 1 SPEAKER_00 0.000 2.500 <O> Hello

The fields are: file, channel, speaker, start, end, labels, text; times are in seconds. A segment without a speaker has
`unknown`. Labels are optional, but a text may look like one, so `<O>` (overall) is always written. Lines are in order
of start; a segment without text has no line. sclite reads `{`, `/` and `}` as alternatives; STM has no escapes, so a
text is written unchanged.

Specified in https://github.com/usnistgov/SCTK/blob/master/doc/infmts.htm#stm_fmt_name_0.
"""

from operator import attrgetter

from diarize_runner.transcript.formats.fields import field, one_line
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript


def render(transcript: LabelledTranscript) -> str:
    """Write one line for each segment with text."""
    with_text = (segment for segment in transcript.segments if one_line(segment.text))
    uri = field(transcript.uri)
    return "".join(_line(uri, segment) for segment in sorted(with_text, key=attrgetter("start")))


def _line(uri: str, segment: LabelledSegment) -> str:
    speaker = "unknown" if segment.speaker is None else field(segment.speaker)
    return f"{uri} 1 {speaker} {segment.start:.3f} {segment.end:.3f} <O> {one_line(segment.text)}\n"
