"""What the stores across a network share: patience, and reading on where a connection broke off."""

import re
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TypeVar

from diarize_runner.digests import PIECE
from diarize_runner.errors import StoreError

SMALL = 64 << 20
"""The most bytes that are read whole: some hundred times the manifest of a large cache."""
CHUNK = 256 << 10
"""Bytes read from a connection at a time. What was read of a chunk when a connection broke is read again."""
TRY_AGAIN = "check the network between here and the store, then run again"

_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")

_Outcome = TypeVar("_Outcome")


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How much of a network's bad behaviour is put up with."""

    connect: float = 10
    """Seconds to wait for a connection."""
    silence: float = 60
    """Seconds to wait for the next byte."""
    tries: int = 5
    """How often a thing is tried before it is an error."""
    pause: float = 0.5
    """Seconds before the second try; each pause is twice as long as the one before."""

    def pauses(self) -> Iterator[float]:
        """Return the pauses between the tries."""
        return (self.pause * 2**again for again in range(self.tries - 1))


class Passing(StoreError):
    """It may go better the next time: a connection broke off in the middle, or two writers met."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A store's answer to a request for a range: the bytes from where it was asked to begin."""

    place: str
    """What errors call the object."""
    total: int | None
    """Bytes of the whole object, where the store says."""
    pieces: Generator[bytes]


Ask = Callable[[int, int], Part | None]
"""Request `length` bytes, at least one, from `offset` on; None when the object ends at or before `offset`."""


def persist(attempt: Callable[[], _Outcome], patience: Patience) -> _Outcome:
    """Return what `attempt` returns, which is called again when it raises Passing; its last error stands."""
    for pause in patience.pauses():
        with suppress(Passing):
            return attempt()
        time.sleep(pause)
    return attempt()


def read_on(ask: Ask, offset: int, length: int, patience: Patience) -> Iterator[bytes]:
    """Yield `length` bytes from `offset` on, fewer when the object ends before, and never more.

    Where a part breaks off, the rest is asked for. Tries are counted afresh after every MiB, so that a bad line is got
    over and a dead one is not waited for; then the last Passing is raised.
    """
    end, pauses = offset + length, patience.pauses()
    while part := ask(offset, max(1, end - offset)):
        began = offset
        try:
            for piece in _promised(part, offset, end):
                offset += len(piece)
                yield piece
        except Passing:
            if offset == end:
                return
            if offset - began >= PIECE:
                pauses = patience.pauses()
            if (pause := next(pauses, None)) is None:
                raise
            time.sleep(pause)
        else:
            return


def _promised(part: Part, offset: int, end: int) -> Iterator[bytes]:
    """Yield what lies between, and nothing that a store sends beyond it; raise Passing when it ends too early."""
    left = (end if part.total is None else min(end, part.total)) - offset
    with closing(part.pieces):
        for piece in part.pieces:
            yield piece[:left]
            left -= len(piece)
            if left < 0:
                return
    if left > 0:
        raise Passing(f"{part.place}: the answer ended {left:,} bytes early", hint=TRY_AGAIN)


def total_of(content_range: str, offset: int) -> int | None:
    """Read the size of the object from an answer's Content-Range (RFC 9110 section 14.4); None when it does not say.

    Raises:
        ValueError: it is no answer to a request for what begins at `offset`.
    """
    found = _CONTENT_RANGE.fullmatch(content_range)
    if not found or int(found[1]) != offset:
        raise ValueError(f"not a range from {offset}: {content_range!r}")
    if found[2] == "*":
        return None
    if int(found[2]) <= offset:
        raise ValueError(f"not a range of an object: {content_range!r}")
    return int(found[2])


def read_small(pieces: Iterable[bytes], place: str) -> bytes:
    """Read the object that errors call `place` into memory; raise StoreError when it is no small one."""
    data = bytearray()
    for piece in pieces:
        data += piece
        if len(data) > SMALL:
            raise StoreError(f"{place} holds more than {SMALL:,} bytes", hint="is this the address of a store?")
    return bytes(data)
