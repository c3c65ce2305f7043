"""Read a file that only the right users may change: keys, a secret, or voices."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from diarize_runner.bounds import MAX_FILE_BYTES
from diarize_runner.errors import UsageError

OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
OTHERS_USE: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, kw_only=True, slots=True)
class GuardedFile:
    """A kind of file, and what errors say of it."""

    content: str
    """Such as `API keys`."""
    kind: str
    """Such as `keys`."""
    missing_hint: str
    owner_threat: str
    """What another owner could do."""
    refused_mode: int
    """Permissions that no such file may have, but see `_refused`."""
    mode_error: str
    """What is wrong with one that has them; `{path}` stands for the file."""

    def read(self, path: Path) -> bytes:
        """Return the file's bytes.

        Raises:
            UsageError: it cannot be read or is too large, or users who must not can use it.
        """
        try:
            # Without O_NONBLOCK, opening a named pipe waits for a writer.
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
                self._require_trusted(path, os.fstat(file.fileno()))
                data = file.read(MAX_FILE_BYTES + 1)
        except OSError as reason:
            message = f"cannot read the {self.content} {path}: {reason.strerror}"
            raise UsageError(message, hint=self.missing_hint) from reason
        if len(data) > MAX_FILE_BYTES:
            raise UsageError(f"{path} is larger than {MAX_FILE_BYTES >> 20} MiB", hint=f"name a file of {self.kind}")
        return data

    def _require_trusted(self, path: Path, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise UsageError(f"{path} is not a file", hint=f"name a file of {self.kind}")
        if status.st_uid not in {0, os.geteuid()}:
            hint = f"run: chown {os.geteuid()} {path}"
            raise UsageError(f"{path} belongs to user {status.st_uid}, who could {self.owner_threat}", hint=hint)
        if status.st_mode & self._refused(status):
            raise UsageError(self.mode_error.format(path=path), hint=f"run: chmod 600 {path}")

    def _refused(self, status: os.stat_result) -> int:
        """Return the permissions that this file may not have.

        A file of root may be readable by a group, as Kubernetes mounts a Secret: root has put this user into it.
        """
        of_root = status.st_uid == 0 != os.geteuid()
        return self.refused_mode & ~stat.S_IRGRP if of_root else self.refused_mode
