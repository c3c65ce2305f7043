"""Pack a staged cache into one seekable, reproducible archive; read one blob of it by range.

`cache_manifests/FORMAT.md` describes the archive; `gzip_members` writes what makes it seekable.
"""

import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from diarize_runner.cache.builder.secrets import require_no_secret_name, without_secrets
from diarize_runner.cache.documents import layout
from diarize_runner.cache.documents.gzip_members import MEMBER, member
from diarize_runner.cache.documents.lock import CacheLock
from diarize_runner.cache.documents.manifest import ARCHIVE_NAME, BlobSpan, CacheArchive, blobs_of
from diarize_runner.cache.documents.wheelhouse import PublishedFile
from diarize_runner.digests import Content, content_of_file, pieces, write_hashing
from diarize_runner.errors import IntegrityError
from diarize_runner.progress import Progress

_FOLDER_MODE, _FILE_MODE = 0o755, 0o644


def pack(lock: CacheLock, staged: Path, archive: Path, progress: Progress) -> CacheArchive:
    """Write what `lock` lists of the cache staged in `staged` to `archive`, and nothing else.

    Links and refs are made from the lock, and blobs are hashed as they are read, so that a stray or altered file
    in the staged cache can never travel; nor can a token.

    Raises:
        IntegrityError: a staged blob is not what the lock says.
        SecretFound: a file holds what looks like a token, or is called like one.
    """
    for repo in lock.repos:
        for entry in repo.files:
            require_no_secret_name(entry.path, f"{repo.repo_id}: {entry.path}")
    archive.unlink(missing_ok=True)  # it may be a link, and what it leads to is not ours to write
    with archive.open("xb") as file:
        spans = tuple(_write(file, lock, staged, progress))
    return CacheArchive(file=PublishedFile(name=ARCHIVE_NAME, content=content_of_file(archive)), blobs=spans)


def _write(file: BinaryIO, lock: CacheLock, staged: Path, progress: Progress) -> Iterator[BlobSpan]:
    blobs = blobs_of(lock.repos)
    texts = {layout.ref_path(repo): repo.commit_hash.encode() for repo in lock.repos}
    links = {path: target for repo in lock.repos for path, target in layout.links(repo).items()}
    named = _names_of_blobs(lock)
    total, done = sum(content.size for content in blobs.values()), 0
    for path in sorted({*blobs, *texts, *links, *_folders([*blobs, *texts, *links])}):
        if path in blobs:
            _require_fit_to_travel(staged / path, blobs[path], named[path])
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


def _names_of_blobs(lock: CacheLock) -> dict[str, str]:
    """Return what an error calls each blob: the file that it is of."""
    return {
        layout.blob_path(repo.repo_id, entry.content.digest): f"{repo.repo_id}: {entry.path}"
        for repo in lock.repos
        for entry in repo.files
    }


def _require_fit_to_travel(source: Path, content: Content, described: str) -> None:
    with source.open("rb") as file:
        found = write_hashing(without_secrets(pieces(file), described), None)
    if found != content:
        raise IntegrityError(f"{described} is not what the lock says", hint="build again from a fresh folder")


def _chunks(source: Path) -> Iterator[bytes]:
    with source.open("rb") as file:
        yield file.read(MEMBER)
        yield from iter(lambda: file.read(MEMBER), b"")


def _write_member(file: BinaryIO, payload: bytes) -> None:
    file.writelines(member(payload))


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
