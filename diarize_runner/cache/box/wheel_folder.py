"""Fetch a version's wheels to a folder on a box, for `pip install --no-index --find-links DIR` and uv.

Wheels are hashed while they are written, and moved to the folder when all are complete. After a kill or a store
error, the next run keeps the complete wheels.
"""

import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from diarize_runner.cache.box.synced_folder import SyncedFolder
from diarize_runner.cache.box.verify import has_content
from diarize_runner.cache.documents.manifest import INSTALLER_NAME, REQUIREMENTS_NAME
from diarize_runner.cache.documents.pins import Pin, Release, Target, WheelName, read_pins
from diarize_runner.cache.documents.wheelhouse import PublishedFile
from diarize_runner.cache.published.find import PublishedVersion, VersionQuery, find_version
from diarize_runner.cache.published.keys import version_key
from diarize_runner.cache.published.shared_files import wheel_key
from diarize_runner.digests import hash_bytes, write_and_hash
from diarize_runner.disk import disk_errors, flush, flush_file, flush_parents, open_for_resuming, write_atomically
from diarize_runner.errors import DiskError, IntegrityError, StoreError
from diarize_runner.parallel import Job, run_parallel
from diarize_runner.progress import Progress
from diarize_runner.store.protocol import ArchiveStore

_INCOMING = ".incoming"
_INCOMPLETE = ".incomplete"
_PUBLISH_AGAIN = "delete it from the store and publish again: it was altered or truncated after it was published"


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelQuery:
    """The wheels to fetch."""

    version: VersionQuery
    target: Target
    """The Python and platform to install on."""
    requirements: tuple[str, ...] = (INSTALLER_NAME, REQUIREMENTS_NAME)
    """The names of the requirements files that pin the wheels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchedWheels:
    """The wheels of a version for one Python, in a folder."""

    published: PublishedVersion
    wheels: tuple[PublishedFile, ...]
    """All the wheels."""
    fetched: tuple[PublishedFile, ...]
    """Those fetched from the store."""
    changed: bool
    """Whether any file in the folder changed."""


def fetch_wheels(store: ArchiveStore, query: WheelQuery, folder: SyncedFolder, progress: Progress) -> FetchedWheels:
    """Fetch the requested wheels of a version, the toolkit's own wheel, and both requirements files to `folder`.

    Other files in the folder stay.

    Raises the errors of `find_version`, and:
        StoreError: the version carries no wheels, or lacks one for that Python.
        IntegrityError: fetched data does not match the manifest; the folder is unchanged.
        DiskError: a write failed; the folder is unchanged.
    """
    published = find_version(store, query.version)
    manifest = published.manifest
    if not manifest.wheelhouse:
        hint = "build a new version with wheels: diarize-runner cache build --with-wheels"
        raise StoreError(f"{store.url}: version {manifest.version} carries no wheels", hint=hint)
    files = (manifest.requirements, manifest.wheelhouse.installer)
    texts = {file.name: _read(store, version_key(manifest.version, file.name), file) for file in files}
    pins = [pin for name in query.requirements for pin in read_pins(texts[name].decode(), name)]
    others = [pin for name, data in texts.items() for pin in read_pins(data.decode(), name)]
    wheels = _needed(manifest.wheelhouse.wheels, pins, others, query.target)
    with disk_errors(folder.root), folder.locked():
        fetched = _fetch_missing(store, wheels, folder.root, progress)
        stale = {name: data for name, data in texts.items() if not has_content(folder.root / name, hash_bytes(data))}
        for name, data in stale.items():
            write_atomically(folder.root / name, data)
        folder.record_serial(published.serial)
        _remove_leftovers(folder)
    return FetchedWheels(published=published, wheels=wheels, fetched=fetched, changed=bool(fetched or stale))


def _read(store: ArchiveStore, key: str, file: PublishedFile) -> bytes:
    data = store.read(key).data
    if hash_bytes(data) != file.content:
        raise IntegrityError(f"{store.url}/{key} does not match the manifest", hint=_PUBLISH_AGAIN)
    return data


def _needed(
    wheels: Iterable[PublishedFile], pins: Iterable[Pin], known: Iterable[Pin], target: Target
) -> tuple[PublishedFile, ...]:
    """Return the best wheel for each of `pins`, and the wheels without a pin in `known`: the toolkit's own."""
    by_release = defaultdict[Release, dict[str, PublishedFile]](dict)
    for wheel in wheels:
        by_release[WheelName.parse(wheel.name).release][wheel.name] = wheel
    needed = {wheel.name: wheel for wheel in _unpinned(by_release, known)}
    for pin in pins:
        if target.requires(pin):
            wheel = _best(by_release[pin.release], pin, target)
            needed[wheel.name] = wheel
    return tuple(needed[name] for name in sorted(needed))


def _best(named: Mapping[str, PublishedFile], pin: Pin, target: Target) -> PublishedFile:
    allowed = [name for name, wheel in named.items() if wheel.content.digest in pin.digests]
    best = target.best_wheel(pin, allowed)
    if best is None:
        hint = f"build a new version for it: diarize-runner cache build --with-wheels --python {target.python}"
        raise StoreError(f"the version has no wheel of {pin.name} {pin.version} for Python {target.python}", hint=hint)
    return named[best]


def _unpinned(
    by_release: Mapping[Release, Mapping[str, PublishedFile]], pins: Iterable[Pin]
) -> Iterator[PublishedFile]:
    pinned = {pin.release[0] for pin in pins}
    for (package, _), named in by_release.items():
        if package not in pinned:
            yield from named.values()


def _fetch_missing(
    store: ArchiveStore, wheels: Sequence[PublishedFile], root: Path, progress: Progress
) -> tuple[PublishedFile, ...]:
    """Fetch the wheels that `root` lacks; return those fetched from the store."""
    missing = _missing_from(root, wheels, progress)
    if not missing:
        return ()
    with _incoming(root) as incoming:
        fetch = _missing_from(incoming, missing, progress)
        _require_space(root, sum(wheel.content.size for wheel in fetch))
        jobs = [Job(work=partial(_fetch, store, wheel, incoming), size=wheel.content.size) for wheel in fetch]
        run_parallel("fetch wheels", jobs, progress)
        for wheel in missing:
            (incoming / wheel.name).replace(root / wheel.name)
        flush(root)
        flush_parents(root)
    return fetch


def _missing_from(folder: Path, wheels: Iterable[PublishedFile], progress: Progress) -> tuple[PublishedFile, ...]:
    wheels = tuple(wheels)
    jobs = [
        Job(work=partial(has_content, folder / wheel.name, wheel.content), size=wheel.content.size) for wheel in wheels
    ]
    found = run_parallel("check existing wheels", jobs, progress)
    return tuple(wheel for wheel, right in zip(wheels, found, strict=True) if not right)


@contextmanager
def _incoming(root: Path) -> Iterator[Path]:
    """Yield the folder for incoming wheels.

    A kill, a store error and Ctrl-C leave its complete wheels for the next run; other errors remove it.
    """
    incoming = root / _INCOMING
    if incoming.is_symlink():  # planted: the wheels would go to its target
        incoming.unlink()
    incoming.mkdir(exist_ok=True)
    try:
        yield incoming
    except (StoreError, KeyboardInterrupt):
        for incomplete in incoming.glob(f"*{_INCOMPLETE}"):
            incomplete.unlink()
        with suppress(OSError):
            incoming.rmdir()
        raise
    except BaseException:
        shutil.rmtree(incoming, ignore_errors=True)
        raise


def _remove_leftovers(folder: SyncedFolder) -> None:
    """Remove the temporary files of this run and of killed runs."""
    folder.remove_leftovers()
    shutil.rmtree(folder.root / _INCOMING, ignore_errors=True)
    for path in folder.root.glob(".requirements-*.txt-*"):  # of write_atomically
        path.unlink(missing_ok=True)


def _require_space(root: Path, needed: int) -> None:
    free = shutil.disk_usage(root).free
    if needed > free:
        message = f"{root}: the wheels need {needed:,} bytes and the disk has {free:,} left"
        raise DiskError(message, hint="free some space, or fetch --into another disk; nothing was written")


def _fetch(store: ArchiveStore, wheel: PublishedFile, incoming: Path) -> None:
    partial_file, key = incoming / f"{wheel.name}{_INCOMPLETE}", wheel_key(wheel)
    with disk_errors(partial_file), open_for_resuming(partial_file) as file:
        file.truncate(0)
        content = write_and_hash(store.read_range(key, 0, wheel.content.size), file)
        flush_file(file)
    if content != wheel.content:
        raise IntegrityError(f"{store.url}/{key} does not match the digest in its name", hint=_PUBLISH_AGAIN)
    partial_file.replace(incoming / wheel.name)
