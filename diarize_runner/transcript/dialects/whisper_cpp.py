"""whisper.cpp's JSON, with `-oj` or `-ojf`.

    {"result": {"language": "en"},
     "transcription": [{"timestamps": {"from": "00:00:00,000", "to": "00:00:02,500"},
                        "offsets": {"from": 0, "to": 2500}, "text": " Hello",
                        "tokens": [{"text": "[_BEG_]", ...},
                                   {"text": " Hello", "offsets": {"from": 0, "to": 400}, "id": 2425, ...}]}]}

`offsets` are in milliseconds. Only `-ojf` writes tokens. A token that begins with a space begins a word; in languages
written without spaces each token is a word, as in Whisper itself. Tokens such as `[_BEG_]` are dropped. A token may end
within a character, as may its string in the document; the next token has the rest.
"""

import re
from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from diarize_runner.transcript.dialects.dialect import Dialect
from diarize_runner.transcript.dialects.fields import (
    read_key,
    read_list,
    read_milliseconds,
    read_object,
    read_span,
    read_split_string,
)
from diarize_runner.transcript.dialects.raw import ImpossibleSpan, RawSegment, RawWord
from diarize_runner.transcript.languages import LANGUAGES_WITHOUT_SPACES
from diarize_runner.transcript.model import Span

_SPECIAL = re.compile(r"\[_.*_?\]$|<\|.*\|>$")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Token:
    text: str
    span: Span | ImpossibleSpan | None


def _read_segments(document: dict[str, Any]) -> Iterator[RawSegment]:
    result = document.get("result")
    language = result.get("language") if isinstance(result, dict) else None
    has_spaces = not (isinstance(language, str) and language in LANGUAGES_WITHOUT_SPACES)

    def read_segment(value: Any, place: str) -> RawSegment:
        values = read_object(value, place)
        span = read_key(values, "offsets", place, _read_offsets)
        tokens = read_list(values.get("tokens") or [], f"{place}.tokens", _read_token)
        spoken = (token for token in tokens if not _SPECIAL.match(token.text))
        words = [_make_word(word) for word in _group_into_words(spoken, has_spaces=has_spaces)]
        text = _decode_bytes(read_key(values, "text", place, read_split_string))
        return RawSegment(text=text, span=span, words=words)

    return read_list(document["transcription"], "transcription", read_segment)


def _read_offsets(value: Any, place: str) -> Span | ImpossibleSpan:
    return read_span(read_object(value, place), place, ("from", "to"), read_milliseconds)


def _read_token(value: Any, place: str) -> _Token:
    values = read_object(value, place)
    offsets = _read_offsets(values["offsets"], f"{place}.offsets") if "offsets" in values else None
    return _Token(text=read_key(values, "text", place, read_split_string), span=offsets)


def _group_into_words(tokens: Iterable[_Token], *, has_spaces: bool) -> Iterator[list[_Token]]:
    word: list[_Token] = []
    decoder = getincrementaldecoder("utf-8")(errors="replace")
    for token in tokens:
        begins_word, is_whole = not has_spaces or token.text.startswith(" "), not decoder.getstate()[0]
        if word and begins_word and is_whole:
            yield word
            word = []
        decoder.decode(token.text.encode(errors="surrogateescape"))
        word.append(token)
    if word:
        yield word


def _make_word(tokens: list[_Token]) -> RawWord:
    return RawWord(text=_decode_bytes("".join(token.text for token in tokens)), span=_join_spans(tokens))


def _join_spans(tokens: list[_Token]) -> Span | ImpossibleSpan | None:
    if spans := [token.span for token in tokens if isinstance(token.span, Span)]:
        return Span(start=min(span.start for span in spans), end=max(span.end for span in spans))
    return next((token.span for token in tokens if token.span), None)


def _decode_bytes(text: str) -> str:
    """Decode the bytes that `surrogateescape` kept; an invalid one becomes U+FFFD."""
    return text.encode(errors="surrogateescape").decode(errors="replace")


def _recognises(document: Any) -> bool:
    return isinstance(document, dict) and "transcription" in document


WHISPER_CPP = Dialect(
    name="whisper.cpp JSON",
    example='{"transcription": [{"offsets": {"from": 0, "to": 2500}, "text": " Hello"}]}',
    recognises=_recognises,
    read_segments=_read_segments,
)
