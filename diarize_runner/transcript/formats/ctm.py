"""NIST CTM: one line for each word.

    meeting 1 0.000 0.420 Hello

The fields are: file, channel, start, duration, word; times are in seconds. Lines are in order of start. A sixth field
may hold a confidence, which transcribers do not share a scale for, so there is none. The speaker is in STM and RTTM.

Every line must have a time. A segment without timed words shares its time among its words by number of characters: the
times locate a word, but do not measure it. A timed word with a space becomes two words the same way.

Specified in https://github.com/usnistgov/SCTK/blob/master/doc/infmts.htm#ctm_fmt_name_0. sclite, meeteval, Kaldi and
NeMo read it. The RT-09 evaluation plan has eight fields, type and speaker last: meeteval refuses more than six, and
SCTK's ctmValidator accepts only those eight, so no file satisfies both:
https://github.com/fgnt/meeteval/blob/main/meeteval/io/ctm.py,
https://github.com/usnistgov/SCTK/blob/master/src/ctmValidator/ctmValidator.pl.
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
    return f"{uri} 1 {word.start:.3f} {word.end - word.start:.3f} {word.text}\n"
