"""Compare a cache on disk with its manifest, offline. Only this module creates a VerifiedCache."""

import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from diarize_runner.cache.checkpoint.import_allowlist import classes_of, require_allowed
from diarize_runner.cache.documents import layout
from diarize_runner.cache.documents.manifest import CacheManifest, blobs_of
from diarize_runner.cache.documents.snapshot import FileEntry, RepoSnapshot
from diarize_runner.digests import Content, hash_bytes, hash_file
from diarize_runner.disk import disk_errors
from diarize_runner.errors import IntegrityError, UnsafeCheckpoint
from diarize_runner.progress import Progress

_log = logging.getLogger(__name__)

_SEAL = object()
_REPAIR = "fetch the wrong files: diarize-runner cache verify DIR --repair --store STORE"
_REBUILD = "build and publish a new version: cache build rewrites every checkpoint and lists every class"


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifiedCache:
    """A cache whose every byte and link matches its manifest."""

    root: Path
    """The folder that holds `huggingface/`."""
    manifest: CacheManifest
    _seal: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self._seal is not _SEAL:
            raise TypeError("create a VerifiedCache with verify(...).require_ok()")

    @property
    def pipeline_repo(self) -> RepoSnapshot:
        """The repository that holds the pipeline's config.yaml."""
        return next(repo for repo in self.manifest.repos if repo.repo_id == self.manifest.pipeline)

    @property
    def pipeline_folder(self) -> Path:
        """The snapshot that holds the pipeline's config.yaml."""
        return self.root / layout.snapshot_folder(self.pipeline_repo)

    def read(self, repo: RepoSnapshot, file: FileEntry) -> bytes:
        """Return the bytes of a file, hashed again: it may have changed since it was verified.

        Raises:
            IntegrityError: they do not match the manifest.
            DiskError: the file cannot be read.
        """
        path = self.root / layout.blob_path(repo.repo_id, file.content.digest)
        with disk_errors(path), path.open("rb") as blob:
            data = blob.read(file.content.size + 1)
        if hash_bytes(data) != file.content:
            message = f"{path} ({file.path} of {repo.repo_id}) has changed since it was verified"
            raise IntegrityError(message, hint=_REPAIR)
        return data

    def relocated_to(self, root: Path) -> "VerifiedCache":
        """Return this cache with another root, after its folder was renamed."""
        return replace(self, root=root)


@dataclass(frozen=True, kw_only=True, slots=True)
class VerificationReport:
    """The differences between a cache and its manifest, as paths in the cache."""

    root: Path
    manifest: CacheManifest
    missing: tuple[str, ...]
    mismatched: tuple[str, ...]
    extra: tuple[str, ...]
    """In a listed repository, but not in the manifest."""
    unsafe: tuple[str, ...]
    """Checkpoints that `cache build` did not write, and files that make pyannote load an unlisted class.

    Not looked for in a cache with missing or mismatched files.
    """

    @property
    def ok(self) -> bool:
        """Whether there is no difference."""
        return not (self.missing or self.mismatched or self.extra or self.unsafe)

    def require_ok(self) -> VerifiedCache:
        """Return the VerifiedCache; raise IntegrityError with the differences if there are any."""
        if self.ok:
            return VerifiedCache(root=self.root, manifest=self.manifest, _seal=_SEAL)
        kinds = {
            "missing": self.missing,
            "not as published": self.mismatched,
            "not in the manifest": self.extra,
            "not safe to load": self.unsafe,
        }
        found = "; ".join(f"{kind}: {', '.join(paths)}" for kind, paths in kinds.items() if paths)
        raise IntegrityError(f"{self.root}: {found}", hint=_REBUILD if self.unsafe else _REPAIR)


def verify(
    root: Path, manifest: CacheManifest, progress: Progress, *, hashed: Mapping[str, Content] = MappingProxyType({})
) -> VerificationReport:
    """Hash every blob, read every ref and link, and look for unlisted files.

    `root` is the folder that holds `huggingface/`. `hashed` holds blobs, by path in the cache, that the caller hashed
    while writing them; they are not read again.

    Raises:
        DiskError: a file or folder cannot be read.
    """
    with disk_errors(root):
        differences = _blob_differences(root, manifest, hashed, progress) | _name_differences(root, manifest)
        present = {path for path in differences if os.path.lexists(root / path)}
        extra = tuple(sorted(_extra(root, manifest)))
        unsafe = () if differences else tuple(_unsafe(root, manifest))
    _log.info("%s: %d differences from %s %s", root, len(differences) + len(extra), manifest.name, manifest.version)
    return VerificationReport(
        root=root,
        manifest=manifest,
        missing=tuple(sorted(differences - present)),
        mismatched=tuple(sorted(present)),
        extra=extra,
        unsafe=unsafe,
    )


def has_content(path: Path, content: Content) -> bool:
    """Whether `path` is a plain file (no link) that holds `content`."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size != content.size:
        return False
    return hash_file(path) == content


def _blob_differences(
    root: Path, manifest: CacheManifest, hashed: Mapping[str, Content], progress: Progress
) -> set[str]:
    blobs = blobs_of(manifest.repos)
    total, done, wrong = sum(content.size for content in blobs.values()), 0, set[str]()
    for path, content in blobs.items():
        if hashed.get(path) != content and not has_content(root / path, content):
            wrong.add(path)
        done += content.size
        progress.advance("verify", completed=done, total=total)
    return wrong


def _name_differences(root: Path, manifest: CacheManifest) -> set[str]:
    wrong = set[str]()
    for repo in manifest.repos:
        ref = layout.ref_path(repo)
        if not has_content(root / ref, hash_bytes(repo.commit_hash.encode())):
            wrong.add(ref)
        for path, target in layout.links(repo).items():
            if not (root / path).is_symlink() or os.readlink(root / path) != target:  # noqa: PTH115  # Path normalises the target
                wrong.add(path)
    return wrong


def _unsafe(root: Path, manifest: CacheManifest) -> Iterator[str]:
    """Yield files that load unlisted classes. Read the classes from the files: a manifest may be wrong about them."""
    for repo in manifest.repos:
        for file in repo.files:
            blob = layout.blob_path(repo.repo_id, file.content.digest)
            try:
                require_allowed(file.path, classes_of(root / blob, file.path), file.class_names)
            except UnsafeCheckpoint:
                yield f"{layout.snapshot_folder(repo)}/{file.path}"


def _extra(root: Path, manifest: CacheManifest) -> Iterator[str]:
    for repo in manifest.repos:
        known = {layout.ref_path(repo), *layout.links(repo)}
        for kind in ("blobs", "refs", "snapshots"):
            top = f"{layout.repo_folder(repo.repo_id)}/{kind}"
            if (root / top).is_symlink():  # its links may lead to unverified files
                yield top
            for folder, folders, files in os.walk(root / top):
                linked = [name for name in folders if Path(folder, name).is_symlink()]
                found = {Path(folder, name).relative_to(root).as_posix() for name in (*files, *linked)}
                yield from found - known - blobs_of((repo,)).keys()
