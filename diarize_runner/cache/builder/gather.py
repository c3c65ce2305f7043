"""The wheels that a version is to carry, brought together on the build host: DIR/wheels/, and the page that lists them.

pip chooses for each Python and each pin, as it would on a box that has an index, and takes what is there already for
its own. What is not there it fetches one by one, so that a build that was killed goes on where it was.
"""

import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from diarize_runner.cache.builder import wheels
from diarize_runner.cache.builder.secrets import require_no_secret
from diarize_runner.cache.documents.manifest import (
    BOOTSTRAP_NAME,
    INSTALLER_NAME,
    TOOLKIT_NAME,
    WHEELS_PAGE_NAME,
)
from diarize_runner.cache.documents.pins import Pin, Release, Target, WheelName, read_pins
from diarize_runner.cache.documents.wheelhouse import Bootstrap, PublishedFile, Wheelhouse
from diarize_runner.cache.published.shared_wheels import WHEELS_FOLDER, render_page
from diarize_runner.digests import Content, content_of_file
from diarize_runner.errors import ManifestError, SourceError, UsageError
from diarize_runner.parallel import Job, side_by_side
from diarize_runner.progress import Progress

_TOOLKIT = "diarize-runner"


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelSources:
    """What says which wheels a version carries; it was looked at, and can be had."""

    pythons: tuple[str, ...]
    """Such as `3.11`."""
    pins: tuple[Pin, ...]
    """Of the requirements and of the installer's requirements."""
    installer: Path
    """The pinned requirements of what is installed first."""
    toolkit: Path | None
    """The toolkit's own wheel, which no index has; `make toolkit` leaves what boxes begin with beside it."""

    @classmethod
    def of(cls, pythons: Iterable[str], *, requirements: Path, installer: Path, toolkit: Path | None) -> "WheelSources":
        """Read the requirements.

        Raises:
            UsageError: a path leads to no file, or `toolkit` to another wheel than the toolkit's.
            ManifestError: a requirements file holds something that is not pinned, or has no hash.
            SecretFound: the installer's requirements hold what looks like a token.
        """
        pins = (*_hashed_pins(requirements), *_hashed_pins(installer))
        require_no_secret(installer, str(installer))
        if toolkit and not (toolkit.is_file() and WheelName.parse(toolkit.name).release[0] == _TOOLKIT):
            raise UsageError(f"{toolkit} is not the toolkit's wheel", hint="make it in a clone: uv build --wheel")
        return cls(pythons=tuple(sorted(set(pythons))), pins=pins, installer=installer, toolkit=toolkit)


def gather(sources: WheelSources, out: Path, workspace: Path, progress: Progress) -> Wheelhouse:
    """Leave the wheels, and no others, in `out`/wheels, and beside that the installer's requirements and the page.

    `workspace` is a folder on the same disk, for what is not whole yet.

    Raises:
        SourceError: there is no wheel of something, and a box builds nothing; or the index cannot be reached.
        OSError: the disk refuses.
    """
    folder, carried = out / WHEELS_FOLDER, dict[str, Content]()
    folder.mkdir(exist_ok=True)
    for python in sources.pythons:
        shelf = _Shelf(target=Target(python=python), folder=folder, workspace=workspace)
        carried |= shelf.fill(sources.pins, progress)
    if sources.toolkit:
        carried[sources.toolkit.name] = _copy(sources.toolkit, folder, workspace)
    for left in folder.iterdir():
        if left.name not in carried:
            left.unlink()
    bootstrap = _bootstrap(sources.toolkit.parent, out) if sources.toolkit else None
    return _describe(sources.installer, carried, bootstrap, out)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Shelf:
    """The wheels of one Python, in the folder of all."""

    target: Target
    folder: Path
    workspace: Path

    def fill(self, pins: Iterable[Pin], progress: Progress) -> dict[str, Content]:
        """Have what the Python wants of `pins` in the folder; return what that is, by file name."""
        wanted = {pin.release: pin for pin in pins if self.target.wants(pin)}
        there = _by_release(self.folder)
        known = [pin for release, pin in wanted.items() if release in there]
        batches = [known, *([pin] for release, pin in wanted.items() if release not in there)]
        jobs = [Job(work=partial(self._fetch, batch, there), share=len(batch)) for batch in batches if batch]
        fetched = side_by_side(f"fetch wheels for Python {self.target.python}", jobs, progress)
        return {name: content for batch in fetched for name, content in batch.items()}

    def _fetch(self, pins: Sequence[Pin], there: dict[Release, list[str]]) -> dict[str, Content]:
        """Let pip fetch a wheel for each of `pins`, unless it is the one that is there."""
        with tempfile.TemporaryDirectory(dir=self.workspace) as name:
            private = Path(name)
            for known in (known for pin in pins for known in there.get(pin.release, [])):
                os.link(self.folder / known, private / known)
            described = f"Python {self.target.python} on Linux x86-64"
            wheels.download([pin.line for pin in pins], private, described, self.target.pip_options())
            found = _by_release(private)
            return dict(self._keep(pin, private, found.get(pin.release, [])) for pin in pins)

    def _keep(self, pin: Pin, private: Path, names: list[str]) -> tuple[str, Content]:
        """Move the best of the wheels called `names` to where it is kept. One that was there before may be a lesser."""
        contents = {name: content_of_file(private / name) for name in names}
        best = self.target.best(pin, [name for name in names if contents[name].digest in pin.digests])
        if best is None:
            raise SourceError(f"{pin.name}=={pin.version}: pip left no wheel for Python {self.target.python}")
        (private / best).replace(self.folder / best)
        return best, contents[best]


def _hashed_pins(requirements: Path) -> tuple[Pin, ...]:
    if not requirements.is_file():
        raise UsageError(f"{requirements} is no file", hint="name the pinned requirements: --requirements, --installer")
    pins = read_pins(requirements.read_text(encoding="utf-8"), str(requirements))
    for pin in pins:
        if not pin.digests:
            message = f"{requirements}: {pin.name}=={pin.version} has no --hash"
            raise ManifestError(message, hint="compile it with pip-compile --generate-hashes")
    return pins


def _by_release(folder: Path) -> dict[Release, list[str]]:
    """Return the names of the wheels in a folder, by what they are of."""
    found = defaultdict[Release, list[str]](list)
    for path in folder.glob("*.whl"):
        if wheel := _parsed(path.name):
            found[wheel.release].append(path.name)
    return found


def _parsed(name: str) -> WheelName | None:
    try:
        return WheelName.parse(name)
    except ManifestError:  # somebody put something else there
        return None


def _copy(wheel: Path, folder: Path, workspace: Path) -> Content:
    fresh = workspace / wheel.name
    shutil.copyfile(wheel, fresh)
    fresh.replace(folder / wheel.name)
    return content_of_file(folder / wheel.name)


def _bootstrap(folder: Path, out: Path) -> Bootstrap | None:
    """Carry what a box that provisions itself begins with, where it lies beside the toolkit's wheel."""
    if not all((folder / name).is_file() for name in (BOOTSTRAP_NAME, TOOLKIT_NAME)):
        return None
    for name in (BOOTSTRAP_NAME, TOOLKIT_NAME):
        (out / name).write_bytes((folder / name).read_bytes())
    return Bootstrap(script=_made(out, BOOTSTRAP_NAME), toolkit=_made(out, TOOLKIT_NAME))


def _describe(installer: Path, carried: dict[str, Content], bootstrap: Bootstrap | None, out: Path) -> Wheelhouse:
    listed = tuple(PublishedFile(name=name, content=carried[name]) for name in sorted(carried))
    (out / INSTALLER_NAME).write_bytes(installer.read_bytes())
    (out / WHEELS_PAGE_NAME).write_bytes(render_page(listed))
    return Wheelhouse(
        installer=_made(out, INSTALLER_NAME), page=_made(out, WHEELS_PAGE_NAME), wheels=listed, bootstrap=bootstrap
    )


def _made(out: Path, name: str) -> PublishedFile:
    return PublishedFile(name=name, content=content_of_file(out / name))
