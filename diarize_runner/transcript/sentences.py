"""Find words and sentence ends in a text.

Words have less than the text: OpenAI's lack punctuation, whisperX's lack whitespace. So a text is cut where its words
occur in order, with no other word between them. Characters between two words belong to the first up to whitespace,
and from the whitespace on to the second. The pieces join to the text.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Generic, Protocol, TypeVar

_WHITESPACE = re.compile(r"\s")
_WORD_CHARACTER = re.compile(r"[^\W_]")
_SENTENCE_ENDS = frozenset(".!?…。！？।؟")  # noqa: RUF001  # of several scripts


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
        if last == len(cut) or _ends_sentence(piece):
            inside = words[first:] if last == len(cut) else words[first:last]
            yield Sentence(text="".join(cut[first:last]), words=tuple(inside))
            first = last


def _ends_sentence(piece: str) -> bool:
    after_last_letter = takewhile(lambda character: not (character.isalnum() or character == "_"), reversed(piece))
    return not _SENTENCE_ENDS.isdisjoint(after_last_letter)
