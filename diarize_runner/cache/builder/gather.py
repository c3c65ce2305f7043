"""Collect the wheels of a version in DIR/wheels/ on the build host, and write the page that lists them.

pip picks a wheel for each Python and pin, as it would on a box with an index, and reuses the wheels already in DIR.
It fetches missing wheels one by one, so a killed build resumes.
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
from diarize_runner.cache.documents.environments import EnvironmentImage
from diarize_runner.cache.documents.manifest import (
    BOOTSTRAP_NAME,
    INSTALLER_NAME,
    TOOLKIT_NAME,
    WHEELS_PAGE_NAME,
)
from diarize_runner.cache.documents.pins import Pin, Release, Target, WheelName, read_pins
from diarize_runner.cache.documents.wheelhouse import Bootstrap, PublishedFile, Wheelhouse
from diarize_runner.cache.published.shared_files import WHEELS_FOLDER, render_page
from diarize_runner.digests import Content, hash_file
from diarize_runner.errors import ManifestError, SourceError, UsageError
from diarize_runner.parallel import Job, run_parallel
from diarize_runner.progress import Progress

_TOOLKIT = "diarize-runner"


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelSources:
    """The checked inputs that decide which wheels a version carries."""

    pythons: tuple[str, ...]
    """Python versions, such as `3.11`."""
    pins: tuple[Pin, ...]
    """Pins of both requirements files: the packages and the installer."""
    installer: Path
    """Pinned requirements of the installer, which boxes install first."""
    toolkit: Path | None
    """The toolkit's own wheel, which no index has; `make toolkit` puts the bootstrap files beside it."""

    @classmethod
    def read(
        cls, pythons: Iterable[str], *, requirements: Path, installer: Path, toolkit: Path | None
    ) -> "WheelSources":
        """Read the requirements files.

        Raises:
            UsageError: a file does not exist, or `toolkit` is not the toolkit's wheel.
            ManifestError: a requirement is not pinned, or has no hash.
            SecretFound: the installer's requirements hold a token.
        """
        pins = (*_hashed_pins(requirements), *_hashed_pins(installer))
        require_no_secret(installer, str(installer))
        if toolkit and not (toolkit.is_file() and WheelName.parse(toolkit.name).release[0] == _TOOLKIT):
            raise UsageError(f"{toolkit} is not a wheel of diarize-runner", hint="run in a clone: make toolkit")
        return cls(pythons=tuple(sorted(set(pythons))), pins=pins, installer=installer, toolkit=toolkit)


def gather(sources: WheelSources, out: Path, workspace: Path, progress: Progress) -> Wheelhouse:
    """Put exactly the wheels of `sources` in `out`/wheels, and the installer's requirements and the page in `out`.

    `workspace` is a folder on the same disk, for incomplete files.

    Raises:
        SourceError: a pin has no wheel (boxes build no source distributions), or the index is unreachable.
        OSError: a disk operation fails.
    """
    folder, collected = out / WHEELS_FOLDER, dict[str, Content]()
    folder.mkdir(exist_ok=True)
    for python in sources.pythons:
        collector = _WheelCollector(target=Target(python=python), folder=folder, workspace=workspace)
        collected |= collector.collect(sources.pins, progress)
    if sources.toolkit:
        collected[sources.toolkit.name] = _copy(sources.toolkit, folder, workspace)
    for path in folder.iterdir():
        if path.name not in collected:
            path.unlink()
    bootstrap = _bootstrap(sources.toolkit.parent, out) if sources.toolkit else None
    return _write_listing(sources.installer, collected, bootstrap, out)


@dataclass(frozen=True, kw_only=True, slots=True)
class _WheelCollector:
    """Collects the wheels of one Python in the folder that all Pythons share."""

    target: Target
    folder: Path
    workspace: Path

    def collect(self, pins: Iterable[Pin], progress: Progress) -> dict[str, Content]:
        """Fetch a wheel for each of `pins` that applies to this Python; return their contents by file name."""
        required = {pin.release: pin for pin in pins if self.target.requires(pin)}
        present = _by_release(self.folder)
        known = [pin for release, pin in required.items() if release in present]
        batches = [known, *([pin] for release, pin in required.items() if release not in present)]
        jobs = [Job(work=partial(self._fetch, batch, present), size=len(batch)) for batch in batches if batch]
        fetched = run_parallel(f"fetch wheels for Python {self.target.python}", jobs, progress)
        return {name: content for batch in fetched for name, content in batch.items()}

    def _fetch(self, pins: Sequence[Pin], present: dict[Release, list[str]]) -> dict[str, Content]:
        """Fetch a wheel for each of `pins` with pip, which reuses the wheels present."""
        with tempfile.TemporaryDirectory(dir=self.workspace) as name:
            private = Path(name)
            for known in (known for pin in pins for known in present.get(pin.release, [])):
                os.link(self.folder / known, private / known)
            label = f"Python {self.target.python} on Linux x86-64"
            wheels.pip_download([pin.line for pin in pins], private, label, self.target)
            found = _by_release(private)
            return dict(self._keep(pin, private, found.get(pin.release, [])) for pin in pins)

    def _keep(self, pin: Pin, private: Path, names: list[str]) -> tuple[str, Content]:
        """Move the best of the wheels `names` to the shared folder: pip may have fetched a better one."""
        contents = {name: hash_file(private / name) for name in names}
        best = self.target.best_wheel(pin, [name for name in names if contents[name].digest in pin.digests])
        if best is None:
            raise SourceError(f"{pin.name}=={pin.version}: pip downloaded no wheel for Python {self.target.python}")
        (private / best).replace(self.folder / best)
        return best, contents[best]


def _hashed_pins(requirements: Path) -> tuple[Pin, ...]:
    if not requirements.is_file():
        raise UsageError(
            f"{requirements} is not a file",
            hint="name a file of pinned requirements: --requirements FILE or --installer FILE",
        )
    pins = read_pins(requirements.read_text(encoding="utf-8"), str(requirements))
    for pin in pins:
        if not pin.digests:
            message = f"{requirements}: {pin.name}=={pin.version} has no --hash"
            raise ManifestError(message, hint="compile it with pip-compile --generate-hashes")
    return pins


def _by_release(folder: Path) -> dict[Release, list[str]]:
    """Return the names of the wheels in a folder, by release."""
    found = defaultdict[Release, list[str]](list)
    for path in folder.glob("*.whl"):
        if wheel := _parsed(path.name):
            found[wheel.release].append(path.name)
    return found


def _parsed(name: str) -> WheelName | None:
    try:
        return WheelName.parse(name)
    except ManifestError:
        return None


def _copy(wheel: Path, folder: Path, workspace: Path) -> Content:
    fresh = workspace / wheel.name
    shutil.copyfile(wheel, fresh)
    fresh.replace(folder / wheel.name)
    return hash_file(folder / wheel.name)


def _bootstrap(folder: Path, out: Path) -> Bootstrap | None:
    """Copy the bootstrap files for boxes that provision themselves, if they lie beside the toolkit's wheel."""
    if not all((folder / name).is_file() for name in (BOOTSTRAP_NAME, TOOLKIT_NAME)):
        return None
    for name in (BOOTSTRAP_NAME, TOOLKIT_NAME):
        (out / name).write_bytes((folder / name).read_bytes())
    return Bootstrap(script=_published_file(out, BOOTSTRAP_NAME), toolkit=_published_file(out, TOOLKIT_NAME))


def _write_listing(
    installer: Path, collected: dict[str, Content], bootstrap: Bootstrap | None, out: Path
) -> Wheelhouse:
    listed = tuple(PublishedFile(name=name, content=collected[name]) for name in sorted(collected))
    (out / INSTALLER_NAME).write_bytes(installer.read_bytes())
    return Wheelhouse(
        installer=_published_file(out, INSTALLER_NAME),
        page=write_page(out, listed),
        wheels=listed,
        bootstrap=bootstrap,
    )


def write_page(out: Path, wheels: Iterable[PublishedFile], images: Iterable[EnvironmentImage] = ()) -> PublishedFile:
    """Write the page of links to `out`."""
    (out / WHEELS_PAGE_NAME).write_bytes(render_page(wheels, images))
    return _published_file(out, WHEELS_PAGE_NAME)


def _published_file(out: Path, name: str) -> PublishedFile:
    return PublishedFile(name=name, content=hash_file(out / name))
