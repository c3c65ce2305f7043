"""Prepare fetched files for a cache: rewrite checkpoints into safe ones, and leave the other files unchanged."""

import tempfile
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.cache.builder.sources import FetchedFile
from diarize_runner.cache.checkpoint.child import rewrite_file
from diarize_runner.cache.checkpoint.clean import is_checkpoint
from diarize_runner.cache.checkpoint.convert import CONVERSIONS
from diarize_runner.cache.checkpoint.ctranslate2_model import is_ctranslate2_model
from diarize_runner.cache.checkpoint.import_allowlist import classes_of
from diarize_runner.cache.documents.snapshot import FileEntry, PinnedWheelMember, Upstream
from diarize_runner.digests import hash_file
from diarize_runner.errors import SourceError, UnsafeCheckpoint


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedFile:
    """A file as the cache holds it."""

    entry: FileEntry
    file: Path
    """Its local path, valid until the next file is prepared."""


def prepare(fetched: Iterable[FetchedFile], allowed: Collection[str]) -> Iterator[PreparedFile]:
    """Yield each file, prepared. Checkpoints may import the names in `allowed` besides the standard ones.

    Raises the errors of `fetched`, and:
        SourceError: a file requests an unknown conversion.
        UnsafeCheckpoint: a checkpoint cannot be rewritten, or a config cannot be read safely.
    """
    with tempfile.NamedTemporaryFile(prefix="diarize-runner-") as clean:
        for file in fetched:
            if _conversion(file) or (is_checkpoint(file.path) and not is_ctranslate2_model(file.file, file.path)):
                yield _rewritten(file, Path(clean.name), allowed)
            else:
                yield _prepared(file, file.file, None)


def _rewritten(fetched: FetchedFile, clean: Path, allowed: Collection[str]) -> PreparedFile:
    upstream = hash_file(fetched.file)
    try:
        names = rewrite_file(fetched.file, clean, conversion=_conversion(fetched), allowed=allowed)
    except UnsafeCheckpoint as reason:
        raise UnsafeCheckpoint(f"{fetched.path}: {reason.message}", hint=reason.hint) from reason
    return _prepared(fetched, clean, Upstream(content=upstream, pickle_names=names))


def _prepared(fetched: FetchedFile, file: Path, upstream: Upstream | None) -> PreparedFile:
    entry = FileEntry(
        path=fetched.path,
        content=hash_file(file),
        source=fetched.source,
        upstream=upstream,
        class_names=classes_of(file, fetched.path),
    )
    return PreparedFile(entry=entry, file=file)


def _conversion(fetched: FetchedFile) -> str | None:
    name = fetched.source.source.convert if isinstance(fetched.source, PinnedWheelMember) else None
    if name and name not in CONVERSIONS:
        known = ", ".join(sorted(CONVERSIONS))
        raise SourceError(f"unknown conversion {name!r}", hint=f"use one of: {known}")
    return name
