"""What the stores across a network share: patience, and reading on where a connection broke off."""

import re
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TypeVar

from diarize_runner.digests import PIECE
from diarize_runner.errors import StoreError
from diarize_runner.store.waiting import answered, watching

CHUNK = 256 << 10
"""Bytes read from a connection at a time. What was read of a chunk when a connection broke is read again."""
SLOWEST = 4000
"""Bytes per second that each connection must bring, or it is given up: a line of 150 kbit/s brings them on four."""
TRY_AGAIN = "check the network between here and the store, then run again"
_TOO_SLOW = f"{TRY_AGAIN}; where it is that slow, restore and wheels take a lower --min-rate"

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")

_Outcome = TypeVar("_Outcome")


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How much of a network's bad behaviour is put up with."""

    connect: float = 10
    """Seconds to wait for a connection."""
    silence: float = 60
    """Seconds to wait for the next byte."""
    chunk: float = CHUNK / SLOWEST
    """Seconds to wait for the next `CHUNK` bytes."""
    answer: float = 600
    """Seconds to wait for the head of an answer, in all the tries of `requests` or boto3 together."""
    tries: int = 5
    """How often a thing is tried before it is an error."""
    pause: float = 0.5
    """Seconds before the second try; each pause is twice as long as the one before."""

    @classmethod
    def down_to(cls, rate: float) -> "Patience":
        """Return the patience that puts up with `rate` bytes per second on each connection."""
        return cls(chunk=CHUNK / rate)

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


def ask_for(ask: Callable[[], _Outcome], place: str, patience: Patience) -> _Outcome:
    """Return the answer that `ask` returns; raise StoreError when its head does not arrive."""
    return answered(ask, within=patience.answer, place=place, hint=TRY_AGAIN)


def chunks(
    read: Callable[[], bytes],
    stop: Callable[[], None],
    place: str,
    patience: Patience,
    broken: tuple[type[Exception], ...],
) -> Generator[bytes]:
    """Yield what `read` returns, until that is nothing; `stop` makes a read in another thread fail or end.

    Raises:
        Passing: a read took too long, or raised one of `broken`.
    """
    with watching(patience.chunk, stop) as watch:
        try:
            while piece := watch.timed(read):
                yield piece
        except broken as reason:
            if not watch.stopped:
                broke_off = f"{place}: the connection broke off ({type(reason).__name__})"
                raise Passing(broke_off, hint=TRY_AGAIN) from reason
        if watch.stopped:
            raise Passing(f"{place}: fewer than {CHUNK:,} bytes came in {patience.chunk:.3g} s", hint=_TOO_SLOW)


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
    last, total = int(found[2]), None if found[3] == "*" else int(found[3])
    if last < offset or (total is not None and last >= total):
        raise ValueError(f"not a range of an object: {content_range!r}")
    return total
