"""A folder that follows `latest` of a store: it is changed by one at a time, and remembers the newest serial it saw."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.disk import disk_errors, lock_folder, write_atomically
from diarize_runner.errors import IntegrityError

_SERIAL_NAME = "serial"
_SERIAL = re.compile(rb"[0-9]{1,19}\n")


@dataclass(frozen=True, kw_only=True, slots=True)
class Follower:
    """What a box keeps of a store: its caches, or wheels."""

    root: Path

    @property
    def serial(self) -> int:
        """The highest serial of `latest` that was followed here; 0 before the first.

        Raises:
            IntegrityError: what was written down is damaged.
            DiskError: it may not be read.
        """
        path = self.root / _SERIAL_NAME
        with disk_errors(path):
            data = path.read_bytes() if path.is_file() else b"0\n"
        if not _SERIAL.fullmatch(data):
            hint = "if you trust what latest names now, say --allow-older: that writes the file anew"
            raise IntegrityError(f"{path} is damaged: which latest this box has followed is not known", hint=hint)
        return int(data)

    def remember(self, serial: int) -> None:
        """Remember the serial of the pointer that was followed, over whatever is there; 0 is of none."""
        path, data = self.root / _SERIAL_NAME, f"{serial}\n".encode()
        if serial and not (path.is_file() and path.read_bytes() == data):
            write_atomically(path, data)

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
            return lock_folder(self.root)
        return None
