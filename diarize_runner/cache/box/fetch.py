"""Blobs of an archive by range, several at a time: hashed while written, and gone on with after a kill."""

from collections.abc import Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from diarize_runner.cache.documents.gzip_members import MEMBER, STORED_MEMBER, payload, stored_size
from diarize_runner.cache.documents.manifest import ARCHIVE_NAME, BlobSpan
from diarize_runner.cache.published.keys import version_key
from diarize_runner.digests import pieces, write_hashing
from diarize_runner.disk import disk_errors, flush_file, open_begun
from diarize_runner.errors import IntegrityError
from diarize_runner.progress import Progress
from diarize_runner.store.protocol import ArchiveStore

CONNECTIONS = 4
"""Two keep two cores busy with hashing; twice as many hide a server's latency. Eight are slower again."""
_INCOMPLETE = ".incomplete"
_TELL_EVERY = 0.2
"""Seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedArchive:
    """The archive of a version, in its store."""

    store: ArchiveStore
    version: str

    @property
    def key(self) -> str:
        """Its name in the store."""
        return version_key(self.version, ARCHIVE_NAME)


def fetch_blobs(archive: PublishedArchive, spans: tuple[BlobSpan, ...], folder: Path, progress: Progress) -> int:
    """Write the blobs at `spans` under `folder`, each whole and as published; return how many bytes came.

    What each holds is flushed; which names there are is left for the caller to flush, once for all of them.

    Raises:
        StoreError: the store refused or could not be reached. What came of a blob stays, to be gone on with.
        IntegrityError: a blob is not what its span says.
        DiskError: the disk refused.
    """
    arrived, total = _Tally(), sum(span.length for span in spans)
    largest_first = sorted(spans, key=lambda span: -span.length)
    with _pool(arrived) as pool:
        pending = {pool.submit(_fetch, archive, span, folder / span.path, arrived) for span in largest_first}
        while pending:
            done, pending = wait(pending, timeout=_TELL_EVERY, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
            progress.advance("fetch", completed=arrived.count, total=total)
    return arrived.count


def forget_partial(blob: Path) -> None:
    """Take away what a killed run fetched of a blob."""
    _partial(blob).unlink(missing_ok=True)


def _fetch(archive: PublishedArchive, span: BlobSpan, target: Path, arrived: "_Tally") -> None:
    if span.length > stored_size(span.content.size):  # a member may hold nothing, so that a long span never ends
        raise _not_as_published(archive, span, f"is said to take {span.length:,} bytes for {span.content.size:,}")
    partial = _partial(target)
    with disk_errors(partial):
        target.parent.mkdir(parents=True, exist_ok=True)
        with open_begun(partial) as file, _gone_if_refused(partial):
            kept = _whole_members(span, file.tell())
            try:
                _receive(archive, span, file, kept, arrived)
            except IntegrityError:
                if not kept:
                    raise
                _receive(archive, span, file, 0, arrived)  # what was kept may be what is wrong
            flush_file(file)
        partial.replace(target)


def _receive(archive: PublishedArchive, span: BlobSpan, file: BinaryIO, kept: int, arrived: "_Tally") -> None:
    """Write what follows the first `kept` bytes of a blob to `file`, which holds those."""
    file.truncate(kept)
    file.seek(0)
    start = kept // MEMBER * STORED_MEMBER
    sent = arrived.counted(archive.store.read_range(archive.key, span.offset + start, span.length - start))
    try:
        content = write_hashing(payload(sent, size=span.content.size - kept), file, after=pieces(file))
    except IntegrityError as reason:
        raise _not_as_published(archive, span, reason.message) from reason
    if content != span.content:
        raise _not_as_published(archive, span, f"is {content.digest}, not {span.content.digest}")


def _whole_members(span: BlobSpan, arrived: int) -> int:
    """Return how many bytes of a blob need not come again, of those that did: whole members, and never all of them."""
    members = min(arrived // MEMBER, (span.content.size - 1) // MEMBER, (span.length - 1) // STORED_MEMBER)
    return max(0, members) * MEMBER


@contextmanager
def _gone_if_refused(partial: Path) -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        partial.unlink()
        raise


def _not_as_published(archive: PublishedArchive, span: BlobSpan, problem: str) -> IntegrityError:
    hint = "the archive was altered or cut short after it was published: publish it again under a new version"
    return IntegrityError(f"{archive.store.url}/{archive.key}: {span.path} {problem}", hint=hint)


def _partial(blob: Path) -> Path:
    return blob.with_name(f"{blob.name}{_INCOMPLETE}")


@contextmanager
def _pool(arrived: "_Tally") -> Iterator[ThreadPoolExecutor]:
    """Yield a pool whose work is stopped when one piece of it fails, or somebody presses Ctrl-C."""
    pool = ThreadPoolExecutor(max_workers=CONNECTIONS)
    try:
        yield pool
    except BaseException:
        arrived.stop()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


class _Stopped(Exception):
    """Others failed."""


class _Tally:
    """Counts the bytes that came from a store, on all connections."""

    def __init__(self) -> None:
        self.count = 0
        self._lock, self._stopped = Lock(), False

    def stop(self) -> None:
        """Let nothing more come."""
        self._stopped = True

    def counted(self, sent: Iterator[bytes]) -> Iterator[bytes]:
        """Yield what was sent, counted; raise _Stopped when nothing more is to come."""
        for piece in sent:
            if self._stopped:
                raise _Stopped
            with self._lock:
                self.count += len(piece)
            yield piece
