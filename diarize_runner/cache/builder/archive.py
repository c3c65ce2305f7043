"""Pack a staged cache into one reproducible archive whose blobs can be read by range.

`cache_manifests/FORMAT.md` describes the archive; `gzip_members` writes the gzip members that make it seekable.
"""

import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from diarize_runner.cache.builder.secrets import reject_secrets, require_no_secret_name
from diarize_runner.cache.documents import layout
from diarize_runner.cache.documents.gzip_members import MEMBER_SIZE, encode_member
from diarize_runner.cache.documents.lock import CacheLock
from diarize_runner.cache.documents.manifest import ARCHIVE_NAME, BlobSpan, CacheArchive, blobs_of
from diarize_runner.cache.documents.wheelhouse import PublishedFile
from diarize_runner.digests import Content, hash_file, iter_chunks, write_and_hash
from diarize_runner.errors import IntegrityError
from diarize_runner.progress import Progress

_FOLDER_MODE, _FILE_MODE = 0o755, 0o644


def pack(lock: CacheLock, staged: Path, archive: Path, progress: Progress) -> CacheArchive:
    """Write the files that `lock` lists from the `staged` cache to `archive`, and nothing else.

    Links and refs come from the lock, and each blob is hashed and scanned for tokens as it is read, so the archive
    never holds a stray or altered file, or a token.

    Raises:
        IntegrityError: a staged blob differs from the lock.
        SecretFound: a file holds a token, or has the name of a token file.
    """
    for repo in lock.repos:
        for entry in repo.files:
            require_no_secret_name(entry.path, f"{repo.repo_id}: {entry.path}")
    archive.unlink(missing_ok=True)  # never write through a link
    with archive.open("xb") as file:
        spans = tuple(_write(file, lock, staged, progress))
    return CacheArchive(file=PublishedFile(name=ARCHIVE_NAME, content=hash_file(archive)), blobs=spans)


def _write(file: BinaryIO, lock: CacheLock, staged: Path, progress: Progress) -> Iterator[BlobSpan]:
    blobs = blobs_of(lock.repos)
    texts = {layout.ref_path(repo): repo.commit_hash.encode() for repo in lock.repos}
    links = {path: target for repo in lock.repos for path, target in layout.links(repo).items()}
    labels = _blob_labels(lock)
    total, done = sum(content.size for content in blobs.values()), 0
    for path in sorted({*blobs, *texts, *links, *_folders([*blobs, *texts, *links])}):
        if path in blobs:
            _require_publishable(staged / path, blobs[path], labels[path])
            yield _write_blob(file, path, blobs[path], staged / path)
            done += blobs[path].size
            progress.advance("pack", completed=done, total=total)
        elif path in texts:
            _write_member(file, _header(path, size=len(texts[path])) + _padded(texts[path]))
        elif path in links:
            _write_member(file, _header(path, link=links[path]))
        else:
            _write_member(file, _header(path))
    _write_member(file, bytes(2 * tarfile.BLOCKSIZE))


def _write_blob(file: BinaryIO, path: str, content: Content, source: Path) -> BlobSpan:
    _write_member(file, _header(path, size=content.size))
    offset = file.tell()
    for chunk in _chunks(source):
        _write_member(file, chunk)
    span = BlobSpan(path=path, content=content, offset=offset, length=file.tell() - offset)
    if padding := -content.size % tarfile.BLOCKSIZE:
        _write_member(file, bytes(padding))
    return span


def _blob_labels(lock: CacheLock) -> dict[str, str]:
    """Map each blob's path to the file name that error messages use."""
    return {
        layout.blob_path(repo.repo_id, entry.content.digest): f"{repo.repo_id}: {entry.path}"
        for repo in lock.repos
        for entry in repo.files
    }


def _require_publishable(source: Path, content: Content, label: str) -> None:
    with source.open("rb") as file:
        found = write_and_hash(reject_secrets(iter_chunks(file), label), None)
    if found != content:
        raise IntegrityError(f"{label} differs from the lock", hint="build again into an empty folder")


def _chunks(source: Path) -> Iterator[bytes]:
    with source.open("rb") as file:
        yield file.read(MEMBER_SIZE)
        yield from iter(lambda: file.read(MEMBER_SIZE), b"")


def _write_member(file: BinaryIO, payload: bytes) -> None:
    file.writelines(encode_member(payload))


def _header(path: str, *, size: int | None = None, link: str | None = None) -> bytes:
    info = tarfile.TarInfo(path)
    info.type, info.mode = tarfile.DIRTYPE, _FOLDER_MODE
    if size is not None:
        info.type, info.mode, info.size = tarfile.REGTYPE, _FILE_MODE, size
    if link is not None:
        info.type, info.mode, info.linkname = tarfile.SYMTYPE, 0o777, link
    return info.tobuf(tarfile.PAX_FORMAT)


def _padded(payload: bytes) -> bytes:
    return payload + bytes(-len(payload) % tarfile.BLOCKSIZE)


def _folders(paths: Iterable[str]) -> set[str]:
    return {str(parent) for path in paths for parent in PurePosixPath(path).parents} - {"."}
