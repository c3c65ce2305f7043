"""Copy a version from one store to another in the order of a publish: page, wheels and images, files, manifest.

Each object is compared with the manifest's digest before it is created. An object that the target has with that digest
is kept, so a killed copy resumes, and copying a version again verifies the target.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from diarize_runner.cache.documents.manifest import MANIFEST_NAME, SIGNATURE_NAME, CacheManifest
from diarize_runner.cache.documents.wheelhouse import PublishedFile
from diarize_runner.cache.published.catalogue import finish_prune
from diarize_runner.cache.published.find import VersionQuery, find_version
from diarize_runner.cache.published.keys import MAX_SIGNATURE_BYTES, version_key
from diarize_runner.cache.published.publish import create_or_match, is_published
from diarize_runner.cache.published.shared_files import require_no_prune, shared_files
from diarize_runner.digests import Content, hash_bytes, write_and_hash
from diarize_runner.disk import disk_errors
from diarize_runner.errors import IntegrityError, ObjectExists, ObjectNotFound, UnsupportedFormat
from diarize_runner.parallel import Job, run_parallel
from diarize_runner.progress import Progress
from diarize_runner.store.protocol import ArchiveStore, WritableArchiveStore


@dataclass(frozen=True, kw_only=True, slots=True)
class CopiedVersion:
    """A version that the target has now."""

    manifest: CacheManifest
    objects: int
    """Objects of the version, without its manifest and signature."""
    moved: tuple[Content, ...]
    """The objects that the target lacked."""
    changed: bool
    """Whether the target lacked anything."""


def copy_version(
    source: ArchiveStore, target: WritableArchiveStore, query: VersionQuery, progress: Progress
) -> CopiedVersion:
    """Copy the version that `query` selects from `source` to `target`; `latest` of the target does not change.

    Raises the errors of `find_version`, and:
        IntegrityError: an object of either store differs from the manifest.
        ObjectExists: the target has a different version of that name.
        ObjectNotFound: the source lacks an object of the version.
        StoreError: a prune is deleting wheels or images of the target.
        UnsupportedFormat: the version has objects that this release does not know.
        DiskError: TMPDIR cannot hold an object.
    """
    manifest = find_version(source, query).manifest
    _require_known_sections(manifest)
    finish_prune(target, manifest.version)
    is_published(target, manifest)
    copier = _Copier(source=source, target=target)
    moved = [*copier.copy_page(manifest), *copier.copy_all(_objects(manifest), progress)]
    written = copier.copy_documents(manifest)
    return CopiedVersion(
        manifest=manifest,
        objects=len(_objects(manifest)),
        moved=tuple(moved),
        changed=bool(moved) or written,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Copier:
    source: ArchiveStore
    target: WritableArchiveStore

    def copy_page(self, manifest: CacheManifest) -> list[Content]:
        """Copy the page of links, which protects its wheels from every prune of the target."""
        if not manifest.wheelhouse:
            return []
        moved = self._copy(_key(manifest, manifest.wheelhouse.page), manifest.wheelhouse.page.content)
        require_no_prune(self.target)
        return moved

    def copy_all(self, objects: dict[str, Content], progress: Progress) -> list[Content]:
        """Copy `objects`, which maps keys to contents; return the contents that the target lacked."""
        jobs = [Job(work=partial(self._copy, key, content), size=content.size) for key, content in objects.items()]
        return [content for moved in run_parallel("copy", jobs, progress) for content in moved]

    def copy_documents(self, manifest: CacheManifest) -> bool:
        """Copy the signature, if there is one, then the manifest; return whether the target lacked one."""
        documents = {MANIFEST_NAME: manifest.to_bytes()}
        with suppress(ObjectNotFound):
            signature = self.source.read(version_key(manifest.version, SIGNATURE_NAME), MAX_SIGNATURE_BYTES).data
            documents = {SIGNATURE_NAME: signature, **documents}
        written = [self._write(version_key(manifest.version, name), data) for name, data in documents.items()]
        return any(written)

    def _copy(self, key: str, content: Content) -> list[Content]:
        if self._has(key, content):
            return []
        with _temporary_path() as path:
            with path.open("wb") as file:  # one byte more than expected, so that a longer object is noticed
                found = write_and_hash(self.source.read_range(key, 0, content.size + 1), file)
            if found != content:
                raise _differs(
                    self.source, key, hint="copy from a store whose version is intact: cache restore checks it"
                )
            create_or_match(self.target, key, path)
        return [content]

    def _has(self, key: str, content: Content) -> bool:
        try:
            size = self.target.size(key)
        except ObjectNotFound:
            return False
        if size != content.size or self.target.digest(key) != content.digest:
            raise _differs(self.target, key, hint="delete it there, then run again")
        return True

    def _write(self, key: str, data: bytes) -> bool:
        with suppress(ObjectNotFound):
            if self.target.digest(key) == hash_bytes(data).digest:
                return False
            raise ObjectExists(f"{self.target.url} already has another {key}", hint="delete it there, then run again")
        with _temporary_path() as path:
            path.write_bytes(data)
            create_or_match(self.target, key, path)
        return True


@contextmanager
def _temporary_path() -> Iterator[Path]:
    """Yield the path of an empty file in TMPDIR; delete it afterwards."""
    folder = Path(tempfile.gettempdir())
    with disk_errors(folder), tempfile.NamedTemporaryFile(dir=folder, prefix="diarize-runner-") as file:
        yield Path(file.name)


def _objects(manifest: CacheManifest) -> dict[str, Content]:
    """Return the objects of a version, the small and shared ones first: key to content."""
    files = {_key(manifest, file): file.content for file in manifest.files}
    return {**{shared.key: shared.file.content for shared in shared_files(manifest)}, **files}


def _key(manifest: CacheManifest, file: PublishedFile) -> str:
    return version_key(manifest.version, file.name)


def _require_known_sections(manifest: CacheManifest) -> None:
    if unknown := manifest.unknown_sections:
        hint = "upgrade diarize-runner: a newer release published it"
        raise UnsupportedFormat(f"version {manifest.version} has unknown sections: {', '.join(unknown)}", hint=hint)


def _differs(store: ArchiveStore, key: str, *, hint: str) -> IntegrityError:
    return IntegrityError(f"{store.url}: {key} differs from its manifest", hint=hint)
