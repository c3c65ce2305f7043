"""A local folder synced from a store: one process changes it at a time, and it records the serial of `latest`.

The recorded serial prevents rollbacks: a restore refuses a `latest` with a lower serial.
"""

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
class SyncedFolder:
    """A folder of caches or wheels that a box syncs from a store."""

    root: Path

    @property
    def serial(self) -> int:
        """The serial of the last `latest` that was synced; 0 before the first.

        Raises:
            IntegrityError: the serial file is damaged.
            DiskError: it cannot be read.
        """
        path = self.root / _SERIAL_NAME
        with disk_errors(path):
            data = path.read_bytes() if path.is_file() else b"0\n"
        if not _SERIAL.fullmatch(data):
            hint = "if you trust the store's latest, use --allow-older: it rewrites the file"
            raise IntegrityError(f"{path} is damaged: the serial of the last synced latest is unknown", hint=hint)
        return int(data)

    def record_serial(self, serial: int) -> None:
        """Write the serial of the synced pointer, even if it is lower; 0 means no pointer and writes nothing."""
        path, data = self.root / _SERIAL_NAME, f"{serial}\n".encode()
        if serial and not (path.is_file() and path.read_bytes() == data):
            write_atomically(path, data)

    def remove_leftovers(self) -> None:
        """Remove the temporary files of killed runs."""
        for path in self.root.glob(f".{_SERIAL_NAME}-*"):  # of write_atomically
            with suppress(OSError):
                path.unlink()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Create the folder if needed and hold its lock; on exit, remove a folder that was created and is empty."""
        created = self._create()
        while (descriptor := self._lock()) is None:
            created = self._create()
        try:
            yield
        finally:
            if created:
                with suppress(OSError):
                    self.root.rmdir()
            os.close(descriptor)

    def _create(self) -> bool:
        """Create the folder; return False if it exists."""
        try:
            self.root.mkdir(parents=True)
        except FileExistsError:
            if not self.root.exists() and self.root.is_symlink():
                raise
            return False
        return True

    def _lock(self) -> int | None:
        """Return a locked descriptor of the folder; None if a failed run removed the folder meanwhile."""
        with suppress(FileNotFoundError):
            return lock_folder(self.root)
        return None
