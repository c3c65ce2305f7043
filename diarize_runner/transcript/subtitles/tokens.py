"""The parts of a text that a line or cue can end after: words, each with its time.

A text that its words do not match, or that has none, is cut at whitespace, and between Chinese or Japanese characters;
its time is shared by number of characters.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise
from unicodedata import category, east_asian_width

from diarize_runner.control_characters import replace_controls_with_spaces
from diarize_runner.transcript.dialects.interpolation import interpolate_times
from diarize_runner.transcript.dialects.raw import RawWord
from diarize_runner.transcript.formats.fields import one_line
from diarize_runner.transcript.model import LabelledSegment, Span
from diarize_runner.transcript.sentences import ends_sentence, split_by_words

_NO_SPACES = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_PIECE = re.compile(rf"\s*[「『（《]*(?:[{_NO_SPACES}]|[^\s{_NO_SPACES}]+)[^\s\w「『（《]*")  # noqa: RUF001
"""A word, or a character of a script without spaces, with the punctuation around it."""
_HAS_NO_SPACES = re.compile(f"[{_NO_SPACES}]")
_CLAUSE_ENDS = re.compile(r"[,;:，、；：،؛—–][\"'”’»)\]」』）]*$")  # noqa: RUF001  # of several scripts
_PAUSE = 0.5
"""Seconds of silence that divide speech like a comma."""


class Break(Enum):
    """What ends with a token."""

    SENTENCE = auto()
    CLAUSE = auto()
    """Or a segment; or a pause follows."""
    WORD = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class Token(Span):
    """A part of a text that no line divides."""

    text: str
    """Without whitespace around it."""
    follows_space: bool
    ends_segment: bool
    width: int
    """The characters it takes within a line, with the space before it; at least 1."""


def text_width(text: str) -> int:
    """Return the number of characters, of which wide ones count as two, and combining ones as none."""
    if text.isascii():
        return len(text)
    visible = (character for character in text if category(character) not in ("Mn", "Me", "Cf"))
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in visible)


def join_tokens(tokens: Sequence[Token]) -> str:
    """Return the text of a line."""
    return "".join(f"{' ' * token.follows_space}{token.text}" for token in tokens).strip()


def read_tokens(segment: LabelledSegment) -> list[Token]:
    """Return the tokens of a segment; their texts are all of its text."""
    timed = list(_join_blanks(_timed_pieces(segment)))
    last = len(timed) - 1
    return [_token(piece, span, index == 0, index == last) for index, (piece, span) in enumerate(timed)]


def _token(piece: str, span: Span, begins_segment: bool, ends_segment: bool) -> Token:  # noqa: FBT001
    text = one_line(piece)
    follows_space = replace_controls_with_spaces(piece[:1]).isspace() or (
        begins_segment and not _HAS_NO_SPACES.match(text)
    )
    return Token(
        start=span.start,
        end=span.end,
        text=text,
        follows_space=follows_space,
        ends_segment=ends_segment,
        width=max(1, follows_space + text_width(text)),
    )


def find_breaks(tokens: Sequence[Token]) -> list[Break]:
    """Return what ends with each token; the last one ends all."""
    return [*(_find_break(token, following) for token, following in pairwise(tokens)), Break.SENTENCE]


def _find_break(token: Token, following: Token) -> Break:
    if ends_sentence(token.text, following.text):
        return Break.SENTENCE
    is_divided = token.ends_segment or following.start - token.end >= _PAUSE
    return Break.CLAUSE if is_divided or _CLAUSE_ENDS.search(token.text) else Break.WORD


def _timed_pieces(segment: LabelledSegment) -> Iterator[tuple[str, Span]]:
    if segment.words and (pieces := split_by_words(segment.text, segment.words)):
        return zip(pieces, segment.words, strict=True)
    cut = _PIECE.findall(segment.text) or [segment.text]
    raw = [RawWord(text=piece, span=None) for piece in cut]
    return zip(cut, interpolate_times(raw, Span(start=segment.start, end=segment.end)), strict=True)


def _join_blanks(pieces: Iterator[tuple[str, Span]]) -> Iterator[tuple[str, Span]]:
    """Join pieces without visible text to the piece after them; the last ones add nothing."""
    blank = ""
    for piece, span in pieces:
        if one_line(piece):
            yield blank + piece, span
        blank = "" if one_line(piece) else blank + piece
