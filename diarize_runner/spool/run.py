"""Label every recording in a spool, one after the other."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from diarize_runner.disk import disk_errors, flush, lock
from diarize_runner.errors import DeviceUnavailable, DiarizeRunnerError, SpoolError
from diarize_runner.recording_errors import RecordingFailed, recording_errors
from diarize_runner.spool.claim import Claim, claim_files, resume_claims
from diarize_runner.spool.idle import NO_WAIT, IdlePolicy
from diarize_runner.spool.inbox import Inbox, list_visible

MAX_ATTEMPTS = 3
"""Runs that may crash on a recording before it is moved to failed."""
SETTLE_SECONDS = 10.0
_POLL_SECONDS = 1.0


class Labeller(Protocol):
    """Labels recordings."""

    def label(self, recording: Path, transcript: Path | None) -> Mapping[str, bytes]:
        """Return the files to put beside the recording, by suffix; raises as `Job.load` and `Session.run` do."""


class Clock(Protocol):
    """The module `time`, or a simulated clock."""

    def monotonic(self) -> float:
        """Return the seconds of a monotonic clock."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The result of one recording."""

    place: Path
    """Its folder in outbox or failed."""
    error: DiarizeRunnerError | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Spool:
    """The folders of a spool."""

    folder: Path

    @property
    def inbox(self) -> Path:
        """Return the folder for dropped recordings."""
        return self.folder / "inbox"

    @property
    def claimed(self) -> Path:
        """Return the folder for recordings in progress."""
        return self.folder / "claimed"

    @property
    def outbox(self) -> Path:
        """Return the folder for labelled recordings."""
        return self.folder / "outbox"

    @property
    def failed(self) -> Path:
        """Return the folder for recordings that cannot be labelled."""
        return self.folder / "failed"


def run(
    spool: Spool,
    open_labeller: Callable[[], Labeller],
    *,
    settle: float = SETTLE_SECONDS,
    idle: IdlePolicy = NO_WAIT,
    clock: Clock = time,
) -> Iterator[Outcome]:
    """Label unfinished claims and the recordings in the inbox; yield each outcome.

    Waits for files that are still being copied, and after the last recording for the next one, as `idle` says. Calls
    `open_labeller` for each recording, so that the labeller can have settings that change; without a recording, returns
    at once. Returns with recordings in the inbox only if the links of `idle` have moved.

    Raises:
        SpoolError: another run holds the lock.
        DiskError: the disk refuses a write, or does not support locks.

    Errors of `open_labeller`, and those of a recording that `recording_errors` lets through, propagate. After any
    error, claims stay, and the next run resumes them.
    """
    with disk_errors(spool.folder), _exclusive(spool.folder):
        for folder in (spool.inbox, spool.claimed, spool.outbox, spool.failed):
            folder.mkdir(exist_ok=True)
        flush(spool.folder)
        for claim in _claims(spool, settle, idle, clock):
            yield _finish(claim, spool, open_labeller())


def _claims(spool: Spool, settle: float, idle: IdlePolicy, clock: Clock) -> Iterator[Claim]:
    """Yield unfinished claims, then the recordings of the inbox, until the inbox is empty and the idle time is over."""
    idle_until = float("-inf")
    for claim in resume_claims(spool.claimed, spool.inbox):
        yield claim
        idle_until = clock.monotonic() + idle.seconds
    inbox = Inbox()
    while not idle.installed.have_moved():
        entries, now = list_visible(spool.inbox), clock.monotonic()
        if not entries and now >= idle_until:
            return
        if ready := [files for files in inbox.scan(entries, now) if files.is_ready(settle)]:
            yield claim_files(ready[0], spool.claimed)
            idle_until = clock.monotonic() + idle.seconds
        else:
            clock.sleep(_POLL_SECONDS)


def _finish(claim: Claim, spool: Spool, labeller: Labeller) -> Outcome:
    try:
        results = _attempt(claim, labeller)
    except RecordingFailed as failed:
        return Outcome(place=claim.deliver(_error_file(failed.error), spool.failed), error=failed.error)
    return Outcome(place=claim.deliver(results, spool.outbox))


def _attempt(claim: Claim, labeller: Labeller) -> Mapping[str, bytes]:
    with recording_errors(claim.stem):
        recording, transcript = claim.recording(), claim.transcript()
        _require_attempts_left(claim)
    try:
        claim.record_attempts(claim.attempts + 1)
        with recording_errors(recording.name):
            return labeller.label(recording, transcript)
    except DeviceUnavailable:  # the recording may be the cause: it counts as an attempt, as a kill does
        raise
    except BaseException:
        claim.record_attempts(claim.attempts)
        raise


def _require_attempts_left(claim: Claim) -> None:
    if claim.attempts >= MAX_ATTEMPTS:
        hint = "cut it into shorter recordings: it may need more memory than the box has"
        raise SpoolError(f"{MAX_ATTEMPTS} runs crashed on it", hint=hint)


def _error_file(error: DiarizeRunnerError) -> dict[str, bytes]:
    hint = f"hint: {error.hint}\n" if error.hint else ""
    return {".error.txt": f"error: {error.message}\n{hint}".encode(errors="replace")}


@contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock_or_fail(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _lock_or_fail(descriptor: int, folder: Path) -> None:
    try:
        lock(descriptor, folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as reason:
        hint = "let it run: it also processes what is dropped meanwhile"
        raise SpoolError(f"another run is active in {folder}", hint=hint) from reason
