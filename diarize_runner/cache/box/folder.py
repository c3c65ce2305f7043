"""The folder in which a box keeps its caches.

<root>/versions/<manifest digest>/    manifest.json, runtime.env, huggingface/
<root>/current  -> versions/<...>     the version in use, replaced by rename
<root>/previous -> versions/<...>     the version before it, for `cache switch`
<root>/serial                         the serial of the last synced `latest`
"""

import errno
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.cache.box.synced_folder import SyncedFolder
from diarize_runner.cache.documents.manifest import MANIFEST_NAME, CacheManifest
from diarize_runner.digests import Digest, hash_bytes
from diarize_runner.disk import flush, flush_folders, flush_parents, link_atomically, move_folder, swap_folders
from diarize_runner.errors import IntegrityError, ManifestError

_PARTIAL = ".partial-"
_REMOVED = ".removed-"
_VERSION_FOLDER = re.compile(r"[0-9a-f]{64}")
"""The digest of the manifest, in hexadecimal."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BoxFolder(SyncedFolder):
    """The paths in a box's cache folder, and the moves between them."""

    @property
    def current(self) -> Path:
        """The link to the version in use."""
        return self.root / "current"

    @property
    def previous(self) -> Path:
        """The link to the version that was in use before `current`."""
        return self.root / "previous"

    def version_folder(self, digest: Digest) -> Path:
        """Return the folder of the version whose manifest has `digest`."""
        return self.root / "versions" / digest.hex

    def staging_folder(self, digest: Digest) -> Path:
        """Return the folder in which a restore builds that version. It survives a kill, and the next run resumes."""
        return self.root / "versions" / f"{_PARTIAL}{digest.hex}"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder, as SyncedFolder does; on exit, remove `versions` if it is empty."""
        with SyncedFolder.locked(self):  # super() does not work in a slots dataclass
            try:
                yield
            finally:
                with suppress(OSError):
                    (self.root / "versions").rmdir()

    def remove_leftovers(self) -> None:
        """Remove the temporary files and folders of killed runs."""
        SyncedFolder.remove_leftovers(self)
        for kind in (_PARTIAL, _REMOVED):
            for folder in (self.root / "versions").glob(f"{kind}*"):
                shutil.rmtree(folder, ignore_errors=True)
        for path in self.root.glob("versions/*/.*-*"):  # of write_atomically
            with suppress(OSError):
                path.unlink()

    def activate(self, digest: Digest) -> None:
        """Move the staged version to its final folder, and make it current.

        It swaps with a damaged version of the same digest, which may be in use; `remove_leftovers` removes that one.
        """
        staged, target = self.staging_folder(digest), self.version_folder(digest)
        flush_folders(staged)
        if target.exists():
            swap_folders(staged, target)
        else:
            move_folder(staged, target)
        flush_parents(target.parent)
        self.set_current(digest)

    def set_current(self, digest: Digest) -> None:
        """Point `current` at a version, and `previous` at the old `current`."""
        target = f"versions/{digest.hex}"
        old_target = str(self.current.readlink()) if self.current.is_symlink() else None
        if old_target == target:
            return
        if old_target is not None:
            link_atomically(self.previous, old_target)
        link_atomically(self.current, target)

    def version_folders(self) -> tuple[Path, ...]:
        """Return the folders of all versions; first those that a killed `remove` left half removed."""
        folders = [path for path in (self.root / "versions").glob("*") if path.is_dir() and not path.is_symlink()]
        named = [path for path in folders if _VERSION_FOLDER.fullmatch(path.name.removeprefix(_REMOVED))]
        return tuple(sorted(named))  # a dot comes before every digit

    def remove(self, folder: Path) -> None:
        """Remove one of `version_folders()`; raise OSError.

        The folder is renamed first, so that a kill never leaves half a version under its name. A folder in the lower
        layer of an overlay cannot be renamed (see `move_folder`): there the manifest is removed first.
        """
        aside = folder.with_name(f"{_REMOVED}{manifest_digest_of(folder).hex}")
        try:
            folder.rename(aside)  # no effect if a killed run has renamed it
        except OSError as reason:
            if reason.errno != errno.EXDEV:
                raise
            aside = folder
            (folder / MANIFEST_NAME).unlink(missing_ok=True)
            flush(folder)
        flush(aside.parent)
        shutil.rmtree(aside)
        flush(aside.parent)


def manifest_digest_of(folder: Path) -> Digest:
    """Return the manifest digest in the name of a folder from `BoxFolder.version_folders`."""
    return Digest(hex=folder.name.removeprefix(_REMOVED))


def read_manifest(root: Path) -> CacheManifest:
    """Read the manifest beside `huggingface/` in `root`.

    Raises:
        ManifestError: there is none, or it is not valid.
        IntegrityError: its digest differs from the folder's name.
    """
    try:
        data = (root / MANIFEST_NAME).read_bytes()
    except OSError as reason:
        hint = "run: diarize-runner cache restore --store STORE --into DIR; or name a cache: --cache DIR"
        raise ManifestError(f"{root} holds no restored cache: {reason.strerror}", hint=hint) from reason
    manifest = CacheManifest.from_bytes(data, str(root / MANIFEST_NAME))
    if _VERSION_FOLDER.fullmatch(root.name) and root.name != hash_bytes(data).digest.hex:
        message = f"{root / MANIFEST_NAME} is not the manifest that was restored"
        raise IntegrityError(message, hint="restore it again: diarize-runner cache restore")
    return manifest


def find_cache(folder: Path) -> Path:
    """Return the `current` version of a box's cache folder, or `folder` itself if it has none."""
    current = BoxFolder(root=folder).current
    return current.resolve() if current.is_symlink() else folder
