"""The folder a box keeps its caches in.

<root>/versions/<manifest digest>/    manifest.json, runtime.env, huggingface/
<root>/current  -> versions/<...>     flipped by rename
<root>/previous -> versions/<...>     the one before, to switch back to
<root>/serial                         the newest serial of `latest` that was followed
"""

import errno
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.cache.box.follower import Follower
from diarize_runner.cache.documents.manifest import MANIFEST_NAME, CacheManifest
from diarize_runner.digests import Digest, content_of
from diarize_runner.disk import exchange_folders, flush, flush_above, flush_folders, link_atomically, move_folder
from diarize_runner.errors import IntegrityError, ManifestError

_PARTIAL = ".partial-"
_REMOVED = ".removed-"
_VERSION_FOLDER = re.compile(r"[0-9a-f]{64}")
"""Named by the digest of its manifest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BoxFolder(Follower):
    """Names in a box's cache folder, and the few moves that are made there."""

    @property
    def current(self) -> Path:
        """The link to the version in use."""
        return self.root / "current"

    @property
    def previous(self) -> Path:
        """The link to the version that was in use before."""
        return self.root / "previous"

    def version(self, digest: Digest) -> Path:
        """Where the version whose manifest has `digest` lies."""
        return self.root / "versions" / digest.hex

    def staging(self, digest: Digest) -> Path:
        """Where that version is put together. A killed run leaves it, and the next one goes on from there."""
        return self.root / "versions" / f"{_PARTIAL}{digest.hex}"

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """See Follower."""
        with Follower.exclusively(self):  # a class with slots has no super() of its own
            try:
                yield
            finally:
                with suppress(OSError):
                    (self.root / "versions").rmdir()

    def sweep(self) -> None:
        """Take away what killed runs left."""
        Follower.sweep(self)
        for kind in (_PARTIAL, _REMOVED):
            for left in (self.root / "versions").glob(f"{kind}*"):
                shutil.rmtree(left, ignore_errors=True)
        for left in self.root.glob("versions/*/.*-*"):  # of write_atomically
            with suppress(OSError):
                left.unlink()

    def adopt(self, digest: Digest) -> None:
        """Move the staged version to its place, and make it current.

        It changes places with a damaged one of the same digest, which may be in use; `sweep` takes that away.
        """
        staged, target = self.staging(digest), self.version(digest)
        flush_folders(staged)
        if target.exists():
            exchange_folders(staged, target)
        else:
            move_folder(staged, target)
        flush_above(target.parent)
        self.make_current(digest)

    def make_current(self, digest: Digest) -> None:
        """Flip `current`, and remember what it was."""
        target = f"versions/{digest.hex}"
        was = str(self.current.readlink()) if self.current.is_symlink() else None
        if was == target:
            return
        if was is not None:
            link_atomically(self.previous, was)
        link_atomically(self.current, target)

    def restored(self) -> tuple[Path, ...]:
        """Return the folders of all versions, and before them what `remove` left of some when it was killed."""
        folders = [path for path in (self.root / "versions").glob("*") if path.is_dir() and not path.is_symlink()]
        named = [path for path in folders if _VERSION_FOLDER.fullmatch(path.name.removeprefix(_REMOVED))]
        return tuple(sorted(named))  # a dot comes before every digit

    def remove(self, folder: Path) -> None:
        """Take away one of the folders that `restored` returned; raise OSError.

        It goes aside in one step first, so that a kill never leaves half a version under its name. One of the image
        under an overlay cannot be renamed (see `move_folder`): its manifest goes first, and with that it is no version.
        """
        aside = folder.with_name(f"{_REMOVED}{digest_of(folder).hex}")
        try:
            folder.rename(aside)  # which does nothing to one that is aside already
        except OSError as reason:
            if reason.errno != errno.EXDEV:
                raise
            aside = folder
            (folder / MANIFEST_NAME).unlink(missing_ok=True)
            flush(folder)
        flush(aside.parent)
        shutil.rmtree(aside)
        flush(aside.parent)


def digest_of(folder: Path) -> Digest:
    """Return the digest of the manifest that one of the folders which `BoxFolder.restored` returns is called after."""
    return Digest(hex=folder.name.removeprefix(_REMOVED))


def read_manifest(root: Path) -> CacheManifest:
    """Read the manifest that lies beside `huggingface/` in `root`; raise ManifestError when there is none."""
    try:
        data = (root / MANIFEST_NAME).read_bytes()
    except OSError as reason:
        hint = "restore a cache first, by cache restore; or say where one is, by --cache DIR or DIARIZE_RUNNER_CACHE"
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
