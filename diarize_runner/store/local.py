"""A store in a folder: `file:///srv/models`."""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

from diarize_runner.digests import PIECE, Digest, content_of, content_of_file, pieces
from diarize_runner.disk import flush, flush_above, flush_file, lock_folder
from diarize_runner.errors import ObjectExists, ObjectNotFound, StoreError, SwapLost
from diarize_runner.store.protocol import SMALL, StoredDocument
from diarize_runner.store.small import read_small

_PARTIAL = ".partial-"


class LocalStore:
    """Objects are files; one is visible whole or not at all, because each is linked or renamed into place.

    Writers of one folder take turns by a lock on it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = root.absolute().as_uri()

    def read(self, key: str, most: int = SMALL) -> StoredDocument:
        """See ArchiveStore."""
        with self._reading(key) as file:
            data = read_small(pieces(file), most, f"{self.url}/{key}")
        return StoredDocument(data=data, state=str(content_of(data).digest))

    def read_range(self, key: str, offset: int, length: int) -> Iterator[bytes]:
        """See ArchiveStore."""
        with self._reading(key) as file:
            file.seek(offset)
            left = length
            while left and (piece := file.read(min(PIECE, left))):
                left -= len(piece)
                yield piece

    def folders(self, prefix: str, *, holding: str) -> Iterable[str]:
        """See ArchiveStore."""
        return [found.parent.name for found in self.root.glob(f"{prefix}*/{holding}")]

    def create(self, key: str, source: Path) -> None:
        """See WritableArchiveStore. A hard link is made or refused in one step, so a name is never written twice."""
        taken = ObjectExists(f"{self.url} already has {key}", hint="publish under a new --version")

        def fill(file: IO[bytes]) -> None:
            if (self.root / key).exists():  # that saves a copy in vain
                self._flush(key)  # who wrote it may have been killed before that
                raise taken
            _copy(source, file)

        with self._written(key, fill) as (written, target):
            try:
                os.link(written, target)
            except FileExistsError:
                raise taken from None
            self._flush(key)

    def copy(self, source: str, key: str) -> None:
        """See WritableArchiveStore. What is the same already stays the file that it is."""
        with suppress(ObjectNotFound):
            if self.digest(source) == self.digest(key):
                with _sole_writer((self.root / key).parent):  # takes away what a killed one left
                    self._flush(key)
                    return
        with (
            self._reading(source) as original,
            self._written(key, lambda file: shutil.copyfileobj(original, file, PIECE)) as (written, target),
        ):
            written.replace(target)
            self._flush(key)

    def swap(self, key: str, data: bytes, *, expected: StoredDocument | None) -> None:
        """See WritableArchiveStore."""
        with self._written(key, lambda file: file.write(data)) as (written, target):
            if self._state(key) != (expected.state if expected else None):
                raise SwapLost(f"{key} in {self.url} was changed by somebody else", hint="look at it, then run again")
            written.replace(target)
            self._flush(key)

    def size(self, key: str) -> int:
        """See WritableArchiveStore."""
        with self._errors(key):
            return (self.root / key).stat().st_size

    def digest(self, key: str) -> Digest:
        """See WritableArchiveStore."""
        with self._errors(key):
            return content_of_file(self.root / key).digest

    def keys(self, prefix: str) -> Iterable[str]:
        """See WritableArchiveStore."""
        found = [path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_file()]
        return [key for key in found if key.startswith(prefix)]

    def delete(self, key: str) -> None:
        """See WritableArchiveStore. A folder left empty goes too, as in a store that has no folders."""
        with self._errors(key):
            folder = (self.root / key).parent
            (self.root / key).unlink(missing_ok=True)
            if folder.is_dir():
                flush(folder)
                with suppress(OSError):
                    folder.rmdir()
                    flush(folder.parent)

    def _flush(self, key: str) -> None:
        """Wait until the name of an object, and of the folders that it lies in, would outlast a power cut."""
        for folder in Path(key).parents:
            flush(self.root / folder)

    def _make(self, folder: Path) -> None:
        is_new = not self.root.exists()
        folder.mkdir(parents=True, exist_ok=True)
        if is_new:
            flush_above(self.root)

    def _state(self, key: str) -> str | None:
        with suppress(ObjectNotFound):
            return self.read(key).state
        return None

    @contextmanager
    def _reading(self, key: str) -> Iterator[BinaryIO]:
        with self._errors(key), (self.root / key).open("rb") as file:
            yield file

    @contextmanager
    def _written(self, key: str, write: Callable[[IO[bytes]], object]) -> Iterator[tuple[Path, Path]]:
        """Write a temporary file beside `key` and flush it to disk; it is gone afterwards, unless renamed."""
        target = self.root / key
        with self._errors(key):
            self._make(target.parent)
            with (
                _sole_writer(target.parent),
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
    def _errors(self, key: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise ObjectNotFound(f"{self.url} has no {key}") from None
        except OSError as reason:
            full = reason.errno in (errno.ENOSPC, errno.EDQUOT)
            hint = "free some space, then run again" if full else "check the folder and its permissions"
            raise StoreError(f"{self.url}: {key}: {reason.strerror}", hint=hint) from reason


def _copy(source: Path, target: IO[bytes]) -> None:
    with source.open("rb") as file:
        shutil.copyfileobj(file, target, PIECE)


@contextmanager
def _sole_writer(folder: Path) -> Iterator[None]:
    """Wait until nobody else writes in `folder`. What lies half-written there then is of a killed one: it goes."""
    descriptor = lock_folder(folder)
    try:
        for orphan in folder.glob(f"{_PARTIAL}*"):
            orphan.unlink()
        yield
    finally:
        os.close(descriptor)
