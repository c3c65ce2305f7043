"""NIST CTM: one line for each word.

    meeting 1 0.000 0.420 Hello NA lex SPEAKER_00

The fields are: file, channel, start, duration, word, confidence, type, speaker; times are in seconds. A word
without a speaker has `unknown`, and confidence is always `NA`. Lines are in order of start.

Every line must have a time. A segment without timed words shares its time among its words by number of characters: the
times locate a word, but do not measure it. A timed word with a space becomes two words the same way.

Specified in the RT-09 evaluation plan, appendix A (see rttm.py), and with its first six fields in
https://github.com/usnistgov/SCTK/blob/master/doc/infmts.htm#ctm_fmt_name_0.
"""

from collections.abc import Iterable, Iterator
from operator import attrgetter

from diarize_runner.transcript.formats.fields import field, one_line
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript, LabelledWord


def render(transcript: LabelledTranscript) -> str:
    """Write one line for each word."""
    words = [word for segment in transcript.segments for word in _timed_words(segment)]
    uri = field(transcript.uri)
    return "".join(_line(uri, word) for word in sorted(words, key=attrgetter("start")))


def _timed_words(segment: LabelledSegment) -> Iterator[LabelledWord]:
    spans: Iterable[LabelledWord | LabelledSegment] = segment.words or (segment,)
    for span in spans:
        yield from _split_words(span)


def _split_words(span: LabelledWord | LabelledSegment) -> Iterator[LabelledWord]:
    words = one_line(span.text).split()
    total, before = sum(map(len, words)), 0
    for word in words:
        start = span.start + (span.end - span.start) * before / total
        before += len(word)
        end = span.start + (span.end - span.start) * before / total
        yield LabelledWord(start=start, end=max(start, end), text=word, speaker=span.speaker)


def _line(uri: str, word: LabelledWord) -> str:
    speaker = "unknown" if word.speaker is None else field(word.speaker)
    return f"{uri} 1 {word.start:.3f} {word.end - word.start:.3f} {word.text} NA lex {speaker}\n"
