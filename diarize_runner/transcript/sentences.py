"""Find words and sentence ends in a text.

Words have less than the text: OpenAI's lack punctuation, whisperX's lack whitespace. So a text is cut where its words
occur in order, with no other word between them. Characters between two words belong to the first up to whitespace,
and from the whitespace on to the second. The pieces join to the text.

A sentence ends at a full stop, question or exclamation mark or ellipsis of any script, but not after a title or an
initial ("Dr. Ada B. Lee"), nor where a word in lower case follows an ellipsis, a quotation or "3 p.m.". A decimal point
is within a word, so it ends nothing.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Generic, Protocol, TypeVar

_WHITESPACE = re.compile(r"\s")
_WORD_CHARACTER = re.compile(r"[^\W_]")
_SENTENCE_ENDS = frozenset(".!?…。｡！？।॥؟۔։።")  # noqa: RUF001  # of several scripts
_CLOSING = frozenset("\"'”’»)]」』）")  # noqa: RUF001
_TITLES = "mr mrs ms mx dr prof st sr sra hr fr mme mlle gen col capt lt sgt gov sen rep rev hon"
_OTHERS = "vs cf approx vol fig nr bzw ca e.g i.e z.b d.h u.a p.ej"
_CONTINUES_AFTER = frozenset([*_TITLES.split(), *_OTHERS.split()])
"""Abbreviations that end no sentence, in lower case. Those that may end one, such as `etc`, are not among them."""


class _HasText(Protocol):
    @property
    def text(self) -> str: ...


_W = TypeVar("_W", bound=_HasText)


@dataclass(frozen=True, kw_only=True)
class Sentence(Generic[_W]):
    """A part of a text and its words."""

    text: str
    words: tuple[_W, ...]


def split_by_words(text: str, words: Sequence[_HasText]) -> list[str] | None:
    """Cut `text` into one piece for each word; return None if the words do not match the text."""
    cuts, position = [], 0
    for word in words:
        bare = word.text.strip()
        found = text.find(bare, position)
        between = text[position:found]
        if found < 0 or _WORD_CHARACTER.search(between):
            return None
        space = _WHITESPACE.search(between)
        cuts.append(position + space.start() if space else found)
        position = found + len(bare)
    if _WORD_CHARACTER.search(text, position):
        return None
    return [text[start:end] for start, end in zip([0, *cuts[1:]], [*cuts[1:], len(text)], strict=True)]


def split_sentences(text: str, words: Sequence[_W]) -> Iterator[Sentence[_W]]:
    """Yield the sentences of `text`; all of it as one if the words do not match the text."""
    cut = split_by_words(text, words) or [text]
    first = 0
    for last, piece in enumerate(cut, start=1):
        if last == len(cut) or ends_sentence(piece, cut[last]):
            inside = words[first:] if last == len(cut) else words[first:last]
            yield Sentence(text="".join(cut[first:last]), words=tuple(inside))
            first = last


def ends_sentence(piece: str, following: str) -> bool:
    """Whether a sentence ends with this piece of a text; `following` is the next piece."""
    if _SENTENCE_ENDS.isdisjoint(piece):  # the usual case
        return False
    tail = "".join(takewhile(lambda character: not (character.isalnum() or character == "_"), reversed(piece)))[::-1]
    if _SENTENCE_ENDS.isdisjoint(tail):
        return False
    word = piece.removesuffix(tail).strip()
    is_title = tail.startswith(".") and _is_title_or_initial(word)
    may_continue = "…" in tail or "..." in tail or "." in word or not _CLOSING.isdisjoint(tail)
    return not is_title and not (may_continue and following.lstrip()[:1].islower())


def _is_title_or_initial(word: str) -> bool:
    bare = word.lstrip("\"'“‘«(").lower()  # noqa: RUF001
    return bare in _CONTINUES_AFTER or (len(bare) == 1 and bare != "i" and word[-1].isupper())
