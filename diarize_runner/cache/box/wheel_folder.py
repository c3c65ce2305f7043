"""Store -> a folder of wheels on a box, for `pip install --no-index --find-links DIR` and uv.

Wheels are hashed while they are written, and moved to their place when all are there: the folder is as it was, or it
holds every wheel. What a run that was killed, or lost its store, had fetched whole is where the next one goes on.
"""

import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from diarize_runner.cache.box.follower import Follower
from diarize_runner.cache.box.verify import is_blob
from diarize_runner.cache.documents.manifest import INSTALLER_NAME, REQUIREMENTS_NAME
from diarize_runner.cache.documents.pins import Pin, Release, Target, WheelName, read_pins
from diarize_runner.cache.documents.wheelhouse import PublishedFile
from diarize_runner.cache.published.find import PublishedVersion, Wanted, find_version
from diarize_runner.cache.published.keys import version_key
from diarize_runner.cache.published.shared_wheels import wheel_key
from diarize_runner.digests import content_of, write_hashing
from diarize_runner.disk import disk_errors, flush, flush_above, flush_file, open_begun, write_atomically
from diarize_runner.errors import DiskError, IntegrityError, StoreError
from diarize_runner.parallel import Job, side_by_side
from diarize_runner.progress import Progress
from diarize_runner.store.protocol import ArchiveStore

_INCOMING = ".incoming"
_INCOMPLETE = ".incomplete"
_PUBLISH_AGAIN = "it was altered or cut short after it was published: delete it from the store, and publish again"


@dataclass(frozen=True, kw_only=True, slots=True)
class WantedWheels:
    """Which wheels are wanted."""

    of: Wanted
    """The version."""
    target: Target
    """What they are to be installed on."""
    requirements: tuple[str, ...] = (INSTALLER_NAME, REQUIREMENTS_NAME)
    """By the names of the files that pin them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchedWheels:
    """A folder that holds what a Python needs of a version."""

    published: PublishedVersion
    wheels: tuple[PublishedFile, ...]
    """All that it needs."""
    fetched: tuple[PublishedFile, ...]
    """Those that came from the store."""
    changed: bool
    """Whether anything in the folder did."""


def fetch_wheels(store: ArchiveStore, wanted: WantedWheels, folder: Follower, progress: Progress) -> FetchedWheels:
    """Have in `folder` the wheels that are wanted of a version, the toolkit's own, and the two requirements files.

    What else is there stays.

    Raises as `find_version` does, and:
        StoreError: the version carries no wheels, or lacks one for that Python.
        IntegrityError: something is not what the manifest says; the folder is as it was.
        DiskError: the disk refused; the folder is as it was.
    """
    published = find_version(store, wanted.of)
    manifest = published.manifest
    if not manifest.wheelhouse:
        hint = "build it --with-wheels, and publish it under a new version"
        raise StoreError(f"{store.url}: version {manifest.version} carries no wheels", hint=hint)
    files = (manifest.requirements, manifest.wheelhouse.installer)
    texts = {file.name: _read(store, version_key(manifest.version, file.name), file) for file in files}
    pins = [pin for name in wanted.requirements for pin in read_pins(texts[name].decode(), name)]
    others = [pin for name, data in texts.items() for pin in read_pins(data.decode(), name)]
    wheels = _needed(manifest.wheelhouse.wheels, pins, others, wanted.target)
    with disk_errors(folder.root), folder.exclusively():
        fetched = _bring(store, wheels, folder.root, progress)
        stale = {name: data for name, data in texts.items() if not is_blob(folder.root / name, content_of(data))}
        for name, data in stale.items():
            write_atomically(folder.root / name, data)
        folder.remember(published.serial)
        _sweep(folder)
    return FetchedWheels(published=published, wheels=wheels, fetched=fetched, changed=bool(fetched or stale))


def _read(store: ArchiveStore, key: str, file: PublishedFile) -> bytes:
    data = store.read(key).data
    if content_of(data) != file.content:
        raise IntegrityError(f"{store.url}/{key} is not what the manifest says", hint=_PUBLISH_AGAIN)
    return data


def _needed(
    wheels: Iterable[PublishedFile], pins: Iterable[Pin], known: Iterable[Pin], target: Target
) -> tuple[PublishedFile, ...]:
    """Return the best wheel for each of `pins`, and those that nothing `known` pins: the toolkit's own."""
    by_release = defaultdict[Release, dict[str, PublishedFile]](dict)
    for wheel in wheels:
        by_release[WheelName.parse(wheel.name).release][wheel.name] = wheel
    needed = {wheel.name: wheel for wheel in _unpinned(by_release, known)}
    for pin in pins:
        if target.wants(pin):
            wheel = _best(by_release[pin.release], pin, target)
            needed[wheel.name] = wheel
    return tuple(needed[name] for name in sorted(needed))


def _best(named: Mapping[str, PublishedFile], pin: Pin, target: Target) -> PublishedFile:
    allowed = [name for name, wheel in named.items() if wheel.content.digest in pin.digests]
    best = target.best(pin, allowed)
    if best is None:
        hint = f"build it for that Python too, under a new version: cache build --with-wheels --python {target.python}"
        raise StoreError(f"the version has no wheel of {pin.name} {pin.version} for Python {target.python}", hint=hint)
    return named[best]


def _unpinned(
    by_release: Mapping[Release, Mapping[str, PublishedFile]], pins: Iterable[Pin]
) -> Iterator[PublishedFile]:
    pinned = {pin.release[0] for pin in pins}
    for (package, _), named in by_release.items():
        if package not in pinned:
            yield from named.values()


def _bring(
    store: ArchiveStore, wheels: Sequence[PublishedFile], root: Path, progress: Progress
) -> tuple[PublishedFile, ...]:
    """Have `wheels` in `root`; return those that came from the store."""
    missing = _not_in(root, wheels, progress)
    if not missing:
        return ()
    with _incoming(root) as incoming:
        fetch = _not_in(incoming, missing, progress)
        _require_space(root, sum(wheel.content.size for wheel in fetch))
        jobs = [Job(work=partial(_fetch, store, wheel, incoming), share=wheel.content.size) for wheel in fetch]
        side_by_side("fetch wheels", jobs, progress)
        for wheel in missing:
            (incoming / wheel.name).replace(root / wheel.name)
        flush(root)
        flush_above(root)
    return fetch


def _not_in(folder: Path, wheels: Iterable[PublishedFile], progress: Progress) -> tuple[PublishedFile, ...]:
    wheels = tuple(wheels)
    jobs = [
        Job(work=partial(is_blob, folder / wheel.name, wheel.content), share=wheel.content.size) for wheel in wheels
    ]
    found = side_by_side("check the wheels that are here", jobs, progress)
    return tuple(wheel for wheel, right in zip(wheels, found, strict=True) if not right)


@contextmanager
def _incoming(root: Path) -> Iterator[Path]:
    """Yield the folder that wheels arrive in.

    A kill leaves it, and so does a store that goes away or a user who breaks off: there is much to be gone on with.
    """
    incoming = root / _INCOMING
    if incoming.is_symlink():  # somebody else's: the wheels would go where it leads
        incoming.unlink()
    incoming.mkdir(exist_ok=True)
    try:
        yield incoming
    except (StoreError, KeyboardInterrupt):
        for cut_short in incoming.glob(f"*{_INCOMPLETE}"):
            cut_short.unlink()
        with suppress(OSError):
            incoming.rmdir()
        raise
    except BaseException:
        shutil.rmtree(incoming, ignore_errors=True)
        raise


def _sweep(folder: Follower) -> None:
    """Take away what this run and killed ones left."""
    folder.sweep()
    shutil.rmtree(folder.root / _INCOMING, ignore_errors=True)
    for left in folder.root.glob(".requirements-*.txt-*"):  # of write_atomically
        left.unlink(missing_ok=True)


def _require_space(root: Path, needed: int) -> None:
    free = shutil.disk_usage(root).free
    if needed > free:
        message = f"{root}: the wheels need {needed:,} bytes and the disk has {free:,} left"
        raise DiskError(message, hint="free some space, or fetch --into another disk; nothing was written")


def _fetch(store: ArchiveStore, wheel: PublishedFile, incoming: Path) -> None:
    partial_file, key = incoming / f"{wheel.name}{_INCOMPLETE}", wheel_key(wheel)
    with disk_errors(partial_file), open_begun(partial_file) as file:
        file.truncate(0)
        content = write_hashing(store.read_range(key, 0, wheel.content.size), file)
        flush_file(file)
    if content != wheel.content:
        raise IntegrityError(f"{store.url}/{key} is not what its name says", hint=_PUBLISH_AGAIN)
    partial_file.replace(incoming / wheel.name)
