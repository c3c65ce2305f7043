"""Where a text's words are in it, and where its sentences end.

Words come with less than their text has: OpenAI's have no punctuation, whisperX's no blanks. So a text is cut where
its words are found in it, in order, with nothing between them that could be another word; what stands between two
belongs to the first up to a blank, and from the blank on to the second. The pieces together are the text.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from diarize_runner.transcript.model import Word

_BLANK = re.compile(r"\s")
_SAYS_SOMETHING = re.compile(r"[^\W_]")
_SENTENCE_ENDS = frozenset(".!?…。！？।؟")  # noqa: RUF001  # those of other scripts too


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentence:
    """A part of a text, and its words."""

    text: str
    words: tuple[Word, ...]


def pieces(text: str, words: Sequence[Word]) -> list[str] | None:
    """Cut `text` into a piece for each word, or return None where the words are not those of the text."""
    cuts, done = [], 0
    for word in words:
        bare = word.text.strip()
        found = text.find(bare, done)
        between = text[done:found]
        if found < 0 or _SAYS_SOMETHING.search(between):
            return None
        blank = _BLANK.search(between)
        cuts.append(done + blank.start() if blank else found)
        done = found + len(bare)
    if _SAYS_SOMETHING.search(text, done):
        return None
    return [text[start:end] for start, end in zip([0, *cuts[1:]], [*cuts[1:], len(text)], strict=True)]


def sentences(text: str, words: Sequence[Word]) -> Iterator[Sentence]:
    """Cut `text` after each sentence; it is one where its words cannot be found in it."""
    cut = pieces(text, words) or [text]
    first = 0
    for last, piece in enumerate(cut, start=1):
        if last == len(cut) or _ends_sentence(piece):
            own = words[first:] if last == len(cut) else words[first:last]
            yield Sentence(text="".join(cut[first:last]), words=tuple(own))
            first = last


def _ends_sentence(piece: str) -> bool:
    after_last_letter = takewhile(lambda character: not (character.isalnum() or character == "_"), reversed(piece))
    return not _SENTENCE_ENDS.isdisjoint(after_last_letter)
