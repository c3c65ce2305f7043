"""whisper.cpp's JSON, with `-oj` or `-ojf`.

    {"result": {"language": "en"},
     "transcription": [{"timestamps": {"from": "00:00:00,000", "to": "00:00:02,500"},
                        "offsets": {"from": 0, "to": 2500}, "text": " Hello",
                        "tokens": [{"text": "[_BEG_]", ...},
                                   {"text": " Hello", "offsets": {"from": 0, "to": 400}, "id": 2425, ...}]}]}

`offsets` are in milliseconds. There are tokens only with `-ojf`. A token that begins with a blank begins a word; in
languages that are written without blanks each is one, as Whisper itself cuts them. Tokens such as `[_BEG_]` say
nothing. A token may end within a character, and then so does a string of the document; its next token has the rest.
"""

import re
from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from diarize_runner.transcript.dialects.dialect import Dialect
from diarize_runner.transcript.dialects.fields import each, get, record, seconds_of_milliseconds, span, string_of_bytes
from diarize_runner.transcript.dialects.untimed import Said, timed
from diarize_runner.transcript.model import Segment, Span

_SPECIAL = re.compile(r"\[_.*_?\]$|<\|.*\|>$")
_WITHOUT_BLANKS = {"ja", "lo", "my", "th", "yue", "zh"}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Token:
    text: str
    span: Span | None


def _segments(document: dict[str, Any]) -> Iterator[Segment]:
    result = document.get("result")
    language = result.get("language") if isinstance(result, dict) else None
    has_blanks = not (isinstance(language, str) and language in _WITHOUT_BLANKS)

    def segment(value: Any, place: str) -> Segment:
        values = record(value, place)
        span = get(values, "offsets", place, _offsets)
        tokens = each(values.get("tokens") or [], f"{place}.tokens", _token)
        spoken = (token for token in tokens if not _SPECIAL.match(token.text))
        words = [_word(run) for run in _runs(spoken, has_blanks=has_blanks)]
        text = _whole(get(values, "text", place, string_of_bytes))
        return Segment(start=span.start, end=span.end, text=text, words=timed(words, span))

    return each(document["transcription"], "transcription", segment)


def _offsets(value: Any, place: str) -> Span:
    values = record(value, place)
    start, end = (get(values, key, place, seconds_of_milliseconds) for key in ("from", "to"))
    return span(start, end, f"{place}.to")


def _token(value: Any, place: str) -> _Token:
    values = record(value, place)
    offsets = _offsets(values["offsets"], f"{place}.offsets") if "offsets" in values else None
    return _Token(text=get(values, "text", place, string_of_bytes), span=offsets)


def _runs(tokens: Iterable[_Token], *, has_blanks: bool) -> Iterator[list[_Token]]:
    run: list[_Token] = []
    decoder = getincrementaldecoder("utf-8")(errors="replace")
    for token in tokens:
        begins, is_whole = not has_blanks or token.text.startswith(" "), not decoder.getstate()[0]
        if run and begins and is_whole:
            yield run
            run = []
        decoder.decode(token.text.encode(errors="surrogateescape"))
        run.append(token)
    if run:
        yield run


def _word(tokens: list[_Token]) -> Said:
    spans = [token.span for token in tokens if token.span]
    end = max((each.end for each in spans), default=0.0)
    span = Span(start=min(each.start for each in spans), end=end) if spans else None
    return Said(text=_whole("".join(token.text for token in tokens)), span=span)


def _whole(text: str) -> str:
    """Make characters of the bytes that were read one by one, and U+FFFD of those that are none."""
    return text.encode(errors="surrogateescape").decode(errors="replace")


def _recognises(document: Any) -> bool:
    return isinstance(document, dict) and "transcription" in document


WHISPER_CPP = Dialect(
    name="whisper.cpp JSON",
    example='{"transcription": [{"offsets": {"from": 0, "to": 2500}, "text": " Hello"}]}',
    recognises=_recognises,
    segments=_segments,
)
