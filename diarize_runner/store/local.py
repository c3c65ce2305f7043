"""A store in a folder: `file:///srv/models`."""

import errno
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

from diarize_runner.digests import READ_SIZE, Digest, hash_bytes, hash_file, iter_chunks
from diarize_runner.disk import flush, flush_file, flush_parents, lock_folder
from diarize_runner.errors import ObjectExists, ObjectNotFound, StoreError, SwapConflict
from diarize_runner.store.folder_listing import describe, iter_objects
from diarize_runner.store.protocol import MAX_DOCUMENT_BYTES, StoredDocument, StoredObject
from diarize_runner.store.size_limit import read_limited

_log = logging.getLogger(__name__)

_PARTIAL = ".partial-"


class LocalStore:
    """Objects are files, linked or renamed into place, so readers see a whole object or none.

    A lock on each folder lets one writer in at a time.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = root.absolute().as_uri()

    def read(self, key: str, max_bytes: int = MAX_DOCUMENT_BYTES) -> StoredDocument:
        """See ArchiveStore."""
        with self._open(key) as file:
            data = read_limited(iter_chunks(file), max_bytes, f"{self.url}/{key}")
        return StoredDocument(data=data, state=str(hash_bytes(data).digest))

    def read_range(self, key: str, offset: int, length: int) -> Iterator[bytes]:
        """See ArchiveStore."""
        with self._open(key) as file:
            file.seek(offset)
            remaining = length
            while remaining and (chunk := file.read(min(READ_SIZE, remaining))):
                remaining -= len(chunk)
                yield chunk

    def list_folders(self, prefix: str, *, containing: str) -> Iterable[str]:
        """See ArchiveStore."""
        return [found.parent.name for found in self.root.glob(f"{prefix}*/{containing}")]

    def create(self, key: str, source: Path) -> None:
        """See WritableArchiveStore. A key is never written twice."""
        exists = ObjectExists(f"{self.url} already has {key}", hint="build with a new --version")

        def fill(file: IO[bytes]) -> None:
            if (self.root / key).exists():  # saves a useless copy
                self._flush(key)  # its writer may have been killed before the flush
                raise exists
            _copy(source, file)

        with self._temporary_file(key, fill) as (written, target):
            try:
                _put_in_place(written, target)
            except FileExistsError:
                raise exists from None
            self._flush(key)

    def copy(self, source: str, key: str) -> None:
        """See WritableArchiveStore. Keeps the existing file if it has the same digest."""
        with suppress(ObjectNotFound):
            if self.digest(source) == self.digest(key):
                with _exclusive_writer((self.root / key).parent):  # removes partial files of killed writers
                    self._flush(key)
                    return
        with (
            self._open(source) as original,
            self._temporary_file(key, lambda file: shutil.copyfileobj(original, file, READ_SIZE)) as (written, target),
        ):
            written.replace(target)
            self._flush(key)

    def swap(self, key: str, data: bytes, *, expected: StoredDocument | None) -> None:
        """See WritableArchiveStore."""
        with self._temporary_file(key, lambda file: file.write(data)) as (written, target):
            if self._read_state(key) != (expected.state if expected else None):
                raise SwapConflict(
                    f"{key} in {self.url} was changed by another writer", hint="check the object, then run again"
                )
            written.replace(target)
            self._flush(key)

    def size(self, key: str) -> int:
        """See WritableArchiveStore."""
        with self._translate_errors(key):
            return (self.root / key).stat().st_size

    def digest(self, key: str) -> Digest:
        """See WritableArchiveStore."""
        with self._translate_errors(key):
            return hash_file(self.root / key).digest

    def keys(self, prefix: str) -> Iterable[str]:
        """See WritableArchiveStore."""
        return [found.key for found in self.objects(prefix)]

    def objects(self, prefix: str) -> Iterator[StoredObject]:
        """See WritableArchiveStore and `iter_objects`."""
        try:
            yield from iter_objects(self.root, prefix)
        except OSError as reason:
            raise StoreError(
                f"{self.url} cannot be listed: {reason.filename}: {reason.strerror}",
                hint="check the folder and its permissions",
            ) from reason

    def find(self, key: str) -> StoredObject:
        """See WritableArchiveStore."""
        with self._translate_errors(key):
            return describe(key, (self.root / key).stat())

    def delete(self, key: str) -> None:
        """See WritableArchiveStore. Also removes an empty folder, as a store without folders would."""
        with self._translate_errors(key):
            folder = (self.root / key).parent
            (self.root / key).unlink(missing_ok=True)
            if folder.is_dir():
                flush(folder)
                with suppress(OSError):
                    folder.rmdir()
                    flush(folder.parent)

    def _flush(self, key: str) -> None:
        """Flush the folders above an object, so that its name survives a power cut."""
        for folder in Path(key).parents:
            flush(self.root / folder)

    def _make_folder(self, folder: Path) -> None:
        is_new = not self.root.exists()
        folder.mkdir(parents=True, exist_ok=True)
        if is_new:
            flush_parents(self.root)

    def _read_state(self, key: str) -> str | None:
        with suppress(ObjectNotFound):
            return self.read(key).state
        return None

    @contextmanager
    def _open(self, key: str) -> Iterator[BinaryIO]:
        _log.debug("read %s/%s", self.url, key)
        with self._translate_errors(key), (self.root / key).open("rb") as file:
            yield file

    @contextmanager
    def _temporary_file(self, key: str, write: Callable[[IO[bytes]], object]) -> Iterator[tuple[Path, Path]]:
        """Write and flush a temporary file beside `key`; delete it afterwards unless the block renamed it."""
        target = self.root / key
        with self._translate_errors(key):
            self._make_folder(target.parent)
            with (
                _exclusive_writer(target.parent),
                tempfile.NamedTemporaryFile(dir=target.parent, prefix=_PARTIAL, delete=False) as file,
            ):
                written = Path(file.name)
                try:
                    write(file)
                    flush_file(file)
                    written.chmod(0o644)
                    yield written, target
                finally:
                    written.unlink(missing_ok=True)

    @contextmanager
    def _translate_errors(self, key: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise ObjectNotFound(f"{self.url} has no {key}") from None
        except OSError as reason:
            full = reason.errno in (errno.ENOSPC, errno.EDQUOT)
            hint = "free some space, then run again" if full else "check the folder and its permissions"
            raise StoreError(f"{self.url}: {key}: {reason.strerror}", hint=hint) from reason


def _put_in_place(written: Path, target: Path) -> None:
    """Give `written` the name `target`; raise FileExistsError if it is taken.

    A hard link does both atomically. FAT and exFAT, as of USB disks, have none: link(2) fails with EPERM. There the
    lock on the folder keeps other writers out.
    """
    try:
        os.link(written, target)
    except OSError as reason:
        if reason.errno not in (errno.EPERM, errno.ENOTSUP):
            raise
        if target.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        written.rename(target)


def _copy(source: Path, target: IO[bytes]) -> None:
    with source.open("rb") as file:
        shutil.copyfileobj(file, target, READ_SIZE)


@contextmanager
def _exclusive_writer(folder: Path) -> Iterator[None]:
    """Lock `folder` for writing and delete the partial files of killed writers."""
    descriptor = lock_folder(folder)
    try:
        for orphan in folder.glob(f"{_PARTIAL}*"):
            orphan.unlink()
        yield
    finally:
        os.close(descriptor)
