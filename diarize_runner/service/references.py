"""References: a few seconds of speech with which a request names the speakers of its own job, and of no other."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from diarize_runner.errors import UsageError
from diarize_runner.voices.names import name_key, parse_voice_name

MOST_REFERENCES: Final = 4
SHORTEST_SECONDS, LONGEST_SECONDS = 2.0, 10.0
"""Of a reference; both as OpenAI has them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """A recording of one person, which nothing has decoded yet."""

    name: str
    audio: bytes = field(repr=False)
    """A file of any format that FFmpeg reads."""


def collect_references(pairs: Iterable[tuple[str, bytes]]) -> tuple[Reference, ...]:
    """Return references of names and files. Raises UsageError if a name cannot be used, or two look the same."""
    try:
        found = tuple(Reference(name=parse_voice_name(name), audio=audio) for name, audio in pairs)
    except ValueError as error:
        raise UsageError(str(error), hint="give each speaker a short name, such as agent") from error
    if len({name_key(each.name) for each in found}) < len(found):
        raise UsageError("two known speakers have the same name", hint="give each speaker a name of its own")
    return found
