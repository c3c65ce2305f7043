"""The folder a box keeps its caches in.

<root>/versions/<manifest digest>/    manifest.json, runtime.env, huggingface/
<root>/current  -> versions/<...>     flipped by rename
<root>/previous -> versions/<...>     the one before, for an instant rollback
<root>/serial                         the newest serial of `latest` that was followed
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.cache.manifest import MANIFEST_NAME, CacheManifest
from diarize_runner.digests import Digest, content_of
from diarize_runner.disk import disk_errors, exchange_folders, flush, link_atomically, lock_folder, write_atomically
from diarize_runner.errors import IntegrityError, ManifestError

_PARTIAL = ".partial-"
_SERIAL_NAME = "serial"
_SERIAL = re.compile(rb"[0-9]{1,19}\n")
_VERSION_FOLDER = re.compile(r"[0-9a-f]{64}")
"""Named by the digest of its manifest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BoxFolder:
    """Names in a box's cache folder, and the few moves that are made there."""

    root: Path

    @property
    def serial(self) -> int:
        """The highest serial of `latest` that this box has followed; 0 before the first.

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

    @property
    def current(self) -> Path:
        """The link to the version in use."""
        return self.root / "current"

    def version(self, digest: Digest) -> Path:
        """Where the version whose manifest has `digest` lies."""
        return self.root / "versions" / digest.hex

    def staging(self, digest: Digest) -> Path:
        """Where that version is put together. A killed run leaves it, and the next one goes on from there."""
        return self.root / "versions" / f"{_PARTIAL}{digest.hex}"

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Make the folder, and wait until nobody else changes it. If it was made here and stays empty, it goes."""
        made = self._make()
        while (descriptor := self._lock()) is None:
            made = self._make()
        try:
            yield
        finally:
            for folder in (self.root / "versions", *([self.root] if made else [])):
                with suppress(OSError):
                    folder.rmdir()
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
        """Return a locked descriptor of the folder; None when a restore that failed removed it meanwhile."""
        with suppress(FileNotFoundError):
            return lock_folder(self.root)
        return None

    def sweep(self) -> None:
        """Take away what killed runs left."""
        for left in (self.root / "versions").glob(f"{_PARTIAL}*"):
            shutil.rmtree(left, ignore_errors=True)
        for left in (*self.root.glob(f".{_SERIAL_NAME}-*"), *self.root.glob("versions/*/.*-*")):  # of write_atomically
            with suppress(OSError):
                left.unlink()

    def adopt(self, digest: Digest) -> None:
        """Move the staged version to its place, and make it current.

        It changes places with a damaged one of the same digest, which may be in use; `sweep` takes that away.
        """
        staged, target = self.staging(digest), self.version(digest)
        if target.exists():
            exchange_folders(staged, target)
        else:
            staged.rename(target)
        flush(target.parent)
        self.make_current(digest)

    def make_current(self, digest: Digest) -> None:
        """Flip `current`, and remember what it was."""
        target = f"versions/{digest.hex}"
        was = str(self.current.readlink()) if self.current.is_symlink() else None
        if was == target:
            return
        if was is not None:
            link_atomically(self.root / "previous", was)
        link_atomically(self.current, target)


def read_manifest(root: Path) -> CacheManifest:
    """Read the manifest that lies beside `huggingface/` in `root`; raise ManifestError when there is none."""
    try:
        data = (root / MANIFEST_NAME).read_bytes()
    except OSError as reason:
        hint = "restore a cache first: diarize-runner cache restore --store STORE --into DIR"
        raise ManifestError(f"{root} holds no restored cache: {reason.strerror}", hint=hint) from reason
    manifest = CacheManifest.from_bytes(data, str(root / MANIFEST_NAME))
    if _VERSION_FOLDER.fullmatch(root.name) and root.name != content_of(data).digest.hex:
        message = f"{root / MANIFEST_NAME} is not the manifest that was restored"
        raise IntegrityError(message, hint="restore it again: diarize-runner cache restore")
    return manifest


def find_cache(folder: Path) -> Path:
    """Return the folder with `manifest.json` that `folder` stands for: itself, or its `current` version."""
    current = BoxFolder(root=folder).current
    return current.resolve() if current.is_symlink() else folder
