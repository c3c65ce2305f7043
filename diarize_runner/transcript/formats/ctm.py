"""NIST CTM: one line for each word.

    meeting 1 0.000 0.420 Hello NA lex SPEAKER_00

The fields are: file, channel, start, duration, word, confidence, type, speaker; times are in seconds. A word that
nobody can be found for is by `unknown`, and confidence is `NA`: none is known. Lines are in order of start.

Every line must have a time. A segment whose words the transcriber did not time gives each of its words a share of its
time, by the number of letters: near enough to find a word by, not to measure it. The same holds for a timed word with a
blank in it, which is two words here.

Specified in the RT-09 evaluation plan, appendix A (see rttm.py), and with its first six fields in
https://github.com/usnistgov/SCTK/blob/master/doc/infmts.htm#ctm_fmt_name_0.
"""

from collections.abc import Iterable, Iterator
from operator import attrgetter

from diarize_runner.transcript.formats.fields import field, one_line
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript, LabelledWord


def render(transcript: LabelledTranscript) -> str:
    """Write every word."""
    words = [word for segment in transcript.segments for word in _words(segment)]
    uri = field(transcript.uri)
    return "".join(_line(uri, word) for word in sorted(words, key=attrgetter("start")))


def _words(segment: LabelledSegment) -> Iterator[LabelledWord]:
    timed: Iterable[LabelledWord | LabelledSegment] = segment.words or (segment,)
    for span in timed:
        yield from _shares(span)


def _shares(span: LabelledWord | LabelledSegment) -> Iterator[LabelledWord]:
    words = one_line(span.text).split()
    letters, before = sum(map(len, words)), 0
    for word in words:
        start = span.start + (span.end - span.start) * before / letters
        before += len(word)
        end = span.start + (span.end - span.start) * before / letters
        yield LabelledWord(start=start, end=max(start, end), text=word, speaker=span.speaker)


def _line(uri: str, word: LabelledWord) -> str:
    speaker = "unknown" if word.speaker is None else field(word.speaker)
    return f"{uri} 1 {word.start:.3f} {word.end - word.start:.3f} {word.text} NA lex {speaker}\n"
