"""Fetch blobs of an archive by range, several at a time: hash them while writing, and resume after a kill."""

from collections.abc import Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from diarize_runner.cache.documents.gzip_members import MEMBER_SIZE, STORED_MEMBER_SIZE, read_members, stored_size
from diarize_runner.cache.documents.manifest import ARCHIVE_NAME, BlobSpan
from diarize_runner.cache.published.keys import version_key
from diarize_runner.digests import iter_chunks, write_and_hash
from diarize_runner.disk import disk_errors, flush_file, open_for_resuming
from diarize_runner.errors import IntegrityError
from diarize_runner.progress import Progress
from diarize_runner.store.protocol import ArchiveStore

CONNECTIONS = 4
"""Two connections keep two cores busy with hashing. Four also hide the server's latency. Eight are slower than four."""
_INCOMPLETE = ".incomplete"
_REPORT_INTERVAL = 0.2
"""Seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedArchive:
    """The archive of a version in a store."""

    store: ArchiveStore
    version: str

    @property
    def key(self) -> str:
        """Its key in the store."""
        return version_key(self.version, ARCHIVE_NAME)


def fetch_blobs(archive: PublishedArchive, spans: tuple[BlobSpan, ...], folder: Path, progress: Progress) -> int:
    """Write the blobs at `spans` under `folder`, complete and verified; return the number of bytes fetched.

    Each file's data is flushed; the caller flushes the folders, once for all files.

    Raises:
        StoreError: the store refused or could not be reached. Partial blobs stay, so that a later run resumes.
        IntegrityError: a blob does not match its span.
        DiskError: a write failed.
    """
    received, total = _ByteCounter(), sum(span.length for span in spans)
    largest_first = sorted(spans, key=lambda span: -span.length)
    with _cancelling_pool(received) as pool:
        pending = {pool.submit(_fetch, archive, span, folder / span.path, received) for span in largest_first}
        while pending:
            done, pending = wait(pending, timeout=_REPORT_INTERVAL, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
            progress.advance("fetch", completed=received.total, total=total)
    return received.total


def remove_partial(blob: Path) -> None:
    """Remove the partial download of a blob."""
    _partial_path(blob).unlink(missing_ok=True)


def _fetch(archive: PublishedArchive, span: BlobSpan, target: Path, received: "_ByteCounter") -> None:
    if span.length > stored_size(span.content.size):  # empty gzip members could make a span arbitrarily long
        raise _mismatch(archive, span, f"has a span of {span.length:,} bytes for {span.content.size:,} bytes of data")
    partial = _partial_path(target)
    with disk_errors(partial):
        target.parent.mkdir(parents=True, exist_ok=True)
        with open_for_resuming(partial) as file, _removed_on_mismatch(partial):
            kept = _whole_members(span, file.tell())
            try:
                _receive(archive, span, file, kept, received)
            except IntegrityError:
                if not kept:
                    raise
                _receive(archive, span, file, 0, received)  # the kept bytes may be damaged
            flush_file(file)
        partial.replace(target)


def _receive(archive: PublishedArchive, span: BlobSpan, file: BinaryIO, kept: int, received: "_ByteCounter") -> None:
    """Fetch the rest of a blob to `file`, which already holds its first `kept` bytes."""
    file.truncate(kept)
    file.seek(0)
    start = kept // MEMBER_SIZE * STORED_MEMBER_SIZE
    gzip_stream = received.count(archive.store.read_range(archive.key, span.offset + start, span.length - start))
    try:
        content = write_and_hash(
            read_members(gzip_stream, size=span.content.size - kept), file, after=iter_chunks(file)
        )
    except IntegrityError as reason:
        raise _mismatch(archive, span, reason.message) from reason
    if content != span.content:
        raise _mismatch(archive, span, f"is {content.digest}, not {span.content.digest}")


def _whole_members(span: BlobSpan, partial_size: int) -> int:
    """Return how many bytes of a partial file to keep: whole members, and never the last, so a request remains."""
    members = min(
        partial_size // MEMBER_SIZE, (span.content.size - 1) // MEMBER_SIZE, (span.length - 1) // STORED_MEMBER_SIZE
    )
    return max(0, members) * MEMBER_SIZE


@contextmanager
def _removed_on_mismatch(partial: Path) -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        partial.unlink()
        raise


def _mismatch(archive: PublishedArchive, span: BlobSpan, problem: str) -> IntegrityError:
    hint = "publish it again under a new version: the archive was altered or truncated after it was published"
    return IntegrityError(f"{archive.store.url}/{archive.key}: {span.path} {problem}", hint=hint)


def _partial_path(blob: Path) -> Path:
    return blob.with_name(f"{blob.name}{_INCOMPLETE}")


@contextmanager
def _cancelling_pool(received: "_ByteCounter") -> Iterator[ThreadPoolExecutor]:
    """Yield a thread pool; cancel its work when one job fails or the user presses Ctrl-C."""
    pool = ThreadPoolExecutor(max_workers=CONNECTIONS)
    try:
        yield pool
    except BaseException:
        received.cancel()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


class _Cancelled(Exception):
    """Another download failed, or Ctrl-C was pressed."""


class _ByteCounter:
    """Counts the received bytes; `cancel` stops all connections."""

    def __init__(self) -> None:
        self.total = 0
        self._lock, self._is_cancelled = Lock(), False

    def cancel(self) -> None:
        """Make every connection stop at its next chunk."""
        self._is_cancelled = True

    def count(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield `chunks` and count their bytes; raise _Cancelled after `cancel`."""
        for chunk in chunks:
            if self._is_cancelled:
                raise _Cancelled
            with self._lock:
                self.total += len(chunk)
            yield chunk
