"""Label all there is in a spool, one recording after the other."""

import fcntl
import os
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from reprlib import repr as shortened
from typing import Protocol

from diarize_runner.disk import disk_errors, flush, lock
from diarize_runner.errors import OF_ONE_RECORDING, DiarizeRunnerError, SpoolError
from diarize_runner.spool.claim import Claim, take, unfinished
from diarize_runner.spool.inbox import Inbox, visible

ATTEMPTS = 3
"""How many runs may not survive a recording, before it is given up."""
SETTLE_SECONDS = 10.0
_LOOK_EVERY = 1.0
_OF_ONE_RECORDING = (*OF_ONE_RECORDING, SpoolError)
"""What is no reason not to go on with the next."""

_DEFECTS = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What our own code raises where it did not expect what it was given: another run would raise it again."""


class Labeller(Protocol):
    """Labels recordings."""

    def label(self, recording: Path, transcript: Path | None) -> Mapping[str, bytes]:
        """Return files to put beside the recording, by what follows its stem; raise what is wrong with it."""


class Clock(Protocol):
    """The module `time`, or a clock that a test turns."""

    def monotonic(self) -> float:
        """Return seconds since some moment; nobody can set this clock."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What came of one recording."""

    place: Path
    """Its folder in the outbox, or in failed."""
    error: DiarizeRunnerError | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Spool:
    """The folders."""

    folder: Path

    @property
    def inbox(self) -> Path:
        """Where recordings are dropped."""
        return self.folder / "inbox"

    @property
    def claimed(self) -> Path:
        """Where they are while they are worked on."""
        return self.folder / "claimed"

    @property
    def outbox(self) -> Path:
        """Where they are when they are labelled."""
        return self.folder / "outbox"

    @property
    def failed(self) -> Path:
        """Where they are when they cannot be."""
        return self.folder / "failed"


def run(
    spool: Spool, open_labeller: Callable[[], Labeller], *, settle: float = SETTLE_SECONDS, clock: Clock = time
) -> Iterator[Outcome]:
    """Label what was claimed and what is in the inbox, and yield what came of each; end when the inbox is empty.

    What is still being copied is waited for. The labeller is opened when there is something for it to do.

    Raises:
        SpoolError: another run is at work here.
        DiskError: the disk refuses a write, or has no locks.

    What `open_labeller` raises comes through too. In any case, what is claimed stays so, and the next run takes it up.
    """
    labeller = cache(open_labeller)
    with disk_errors(spool.folder), _alone(spool.folder):
        for folder in (spool.inbox, spool.claimed, spool.outbox, spool.failed):
            folder.mkdir(exist_ok=True)
        flush(spool.folder)
        for claim in unfinished(spool.claimed, spool.inbox):
            yield _finish(claim, spool, labeller())
        inbox = Inbox()
        while lying := visible(spool.inbox):
            ready = [arrival for arrival in inbox.look(lying, clock.monotonic()) if arrival.ready(settle)]
            if ready:
                yield _finish(take(ready[0], spool.claimed), spool, labeller())
            else:
                clock.sleep(_LOOK_EVERY)


def _finish(claim: Claim, spool: Spool, labeller: Labeller) -> Outcome:
    try:
        results = _attempt(claim, labeller)
    except _OF_ONE_RECORDING as error:
        return Outcome(place=claim.deliver(_explained(error), spool.failed), error=error)
    return Outcome(place=claim.deliver(results, spool.outbox))


def _attempt(claim: Claim, labeller: Labeller) -> Mapping[str, bytes]:
    recording, transcript = claim.recording(), claim.transcript()
    if claim.attempts >= ATTEMPTS:
        hint = "it may need more memory than there is: cut it into shorter recordings"
        raise SpoolError(f"{ATTEMPTS} runs did not survive it", hint=hint)
    begun = claim.counted(claim.attempts + 1)
    try:
        return labeller.label(recording, transcript)
    except (DiarizeRunnerError, KeyboardInterrupt):  # the others, and a kill, are held against the recording
        begun.counted(claim.attempts)
        raise
    except _DEFECTS as reason:
        hint = "this is a defect of diarize-runner: please report it, with the transcript"
        raise SpoolError(f"{recording.name} cannot be labelled: {_told(reason)}", hint=hint) from reason


def _told(reason: Exception) -> str:
    *_, frame = traceback.extract_tb(reason.__traceback__)
    return f"{type(reason).__name__} in {Path(frame.filename).name}, line {frame.lineno}: {shortened(str(reason))}"


def _explained(error: DiarizeRunnerError) -> dict[str, bytes]:
    hint = f"hint: {error.hint}\n" if error.hint else ""
    return {".error.txt": f"error: {error.message}\n{hint}".encode(errors="replace")}


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock_at_once(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _lock_at_once(descriptor: int, folder: Path) -> None:
    try:
        lock(descriptor, folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as reason:
        hint = "one is enough: it takes what comes while it runs"
        raise SpoolError(f"another run is at work in {folder}", hint=hint) from reason
