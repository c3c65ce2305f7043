"""A folder that follows `latest` of a store: it is changed by one at a time, and remembers the newest serial it saw."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.disk import write_atomically

_SERIAL_NAME = "serial"


@dataclass(frozen=True, kw_only=True, slots=True)
class Follower:
    """What a box keeps of a store: its caches, or wheels."""

    root: Path

    @property
    def serial(self) -> int:
        """The highest serial of `latest` that was followed here; 0 before the first."""
        path = self.root / _SERIAL_NAME
        return int(path.read_text(encoding="ascii")) if path.is_file() else 0

    def remember(self, serial: int) -> None:
        """Remember the serial of the pointer that was followed."""
        if serial not in (0, self.serial):
            write_atomically(self.root / _SERIAL_NAME, f"{serial}\n".encode())

    def sweep(self) -> None:
        """Take away what killed runs left."""
        for left in self.root.glob(f".{_SERIAL_NAME}-*"):  # of write_atomically
            with suppress(OSError):
                left.unlink()

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Make the folder, and wait until nobody else changes it. If it was made here and stays empty, it goes."""
        made = self._make()
        while (descriptor := self._lock()) is None:
            made = self._make()
        try:
            yield
        finally:
            if made:
                with suppress(OSError):
                    self.root.rmdir()
            os.close(descriptor)

    def _make(self) -> bool:
        """Make the folder; return False when it was there."""
        try:
            self.root.mkdir(parents=True)
        except FileExistsError:
            if not self.root.exists() and self.root.is_symlink():
                raise
            return False
        return True

    def _lock(self) -> int | None:
        """Return a locked descriptor of the folder; None when a run that failed removed it meanwhile."""
        with suppress(FileNotFoundError):
            descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), self.root.stat()):
                    return descriptor
            os.close(descriptor)
        return None
