"""Make a version that differs from a built one in one thing; links lead to all that is equal."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.provision.site import PYTHON
from diarize_runner.cache.documents.environments import image_name
from diarize_runner.cache.documents.manifest import (
    BOOTSTRAP_NAME,
    INSTALLER_NAME,
    MANIFEST_NAME,
    REQUIREMENTS_NAME,
    TOOLKIT_NAME,
    WHEELS_PAGE_NAME,
    CacheManifest,
)
from diarize_runner.cache.documents.wheelhouse import Bootstrap, PublishedFile, Wheelhouse
from diarize_runner.cache.published.shared_files import IMAGES_FOLDER, WHEELS_FOLDER, render_page, shared_files
from diarize_runner.digests import hash_file


@dataclass(frozen=True, kw_only=True)
class Version:
    """The folder of a built version with wheels, and its manifest."""

    folder: Path
    manifest: CacheManifest

    @classmethod
    def read(cls, folder: Path) -> "Version":
        """Read the version in `folder`, and verify nothing."""
        data = (folder / MANIFEST_NAME).read_bytes()
        return cls(folder=folder, manifest=CacheManifest.from_bytes(data, MANIFEST_NAME))

    @property
    def house(self) -> Wheelhouse:
        """Its wheels."""
        if self.manifest.wheelhouse is None:
            raise SystemExit(f"error: {self.folder} has no wheels")
        return self.manifest.wheelhouse

    def wheel(self, package: str) -> Path:
        """Return the path of the only wheel of `package`."""
        (path,) = (self.folder / WHEELS_FOLDER).glob(f"{package}-*.whl")
        return path

    def image(self, part: str) -> Path:
        """Return the path of the image of `part` for Debian 12's Python."""
        return self.folder / IMAGES_FOLDER / image_name(PYTHON, part)


Change = Callable[[Version], None]
"""Changes files of a version, whose manifest does not matter yet."""


def change_toolkit(version: Version) -> None:
    """Change the toolkit's wheel, and its playbooks."""
    _change_last_byte(version.wheel("diarize_runner"))
    _change_last_byte(version.folder / TOOLKIT_NAME)


def change_package(package: str, part: str) -> Change:
    """Return the change of a package's wheel, its pin, and the image that holds it."""

    def change(version: Version) -> None:
        wheel, lock = version.wheel(package), version.folder / REQUIREMENTS_NAME
        old = hash_file(wheel).digest.hex
        _change_last_byte(wheel)
        pins = lock.read_text(encoding="utf-8")
        lock.unlink()
        lock.write_text(pins.replace(old, hash_file(wheel).digest.hex), encoding="utf-8")
        _change_last_byte(version.image(part))

    return change


def derive(previous: Version, folder: Path, name: str, change: Change) -> Version:
    """Write the version `name`, which is `previous` with a change, to `folder`."""
    manifest = previous.manifest
    files = [file.name for file in manifest.files] + [shared.path for shared in shared_files(manifest)]
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).symlink_to((previous.folder / file).resolve())
    linked = Version(folder=folder, manifest=manifest)
    change(linked)
    described = _describe(linked, name)
    (folder / MANIFEST_NAME).write_bytes(described.to_bytes())
    return Version(folder=folder, manifest=described)


def _describe(version: Version, name: str) -> CacheManifest:
    """Return the manifest of the files as they are now; write their page of links."""
    folder, manifest, house = version.folder, version.manifest, version.house
    wheels = tuple(_changed(folder / WHEELS_FOLDER, wheel) for wheel in house.wheels)
    images = tuple(replace(image, file=_changed(folder / IMAGES_FOLDER, image.file)) for image in manifest.environments)
    page = folder / WHEELS_PAGE_NAME
    page.unlink()
    page.write_bytes(render_page(wheels, images))
    kept = {file.name: _changed(folder, file) for file in manifest.files}
    boot = Bootstrap(script=kept[BOOTSTRAP_NAME], toolkit=kept[TOOLKIT_NAME]) if house.bootstrap else None
    house = Wheelhouse(installer=kept[INSTALLER_NAME], page=kept[WHEELS_PAGE_NAME], wheels=wheels, bootstrap=boot)
    requirements = kept[REQUIREMENTS_NAME]
    return replace(manifest, version=name, requirements=requirements, wheelhouse=house, environments=images)


def _changed(folder: Path, file: PublishedFile) -> PublishedFile:
    """Return the file as it is now; a link leads to what has not changed."""
    path = folder / file.name
    return file if path.is_symlink() else PublishedFile(name=file.name, content=hash_file(path))


def _change_last_byte(path: Path) -> None:
    """Put a changed copy in the place of a link."""
    target = path.resolve()
    path.unlink()
    shutil.copyfile(target, path)
    with path.open("r+b") as file:
        file.seek(-1, 2)
        (last,) = file.read(1)
        file.seek(-1, 2)
        file.write(bytes([last ^ 1]))


def describe_sizes(version: Version) -> Mapping[str, object]:
    """Return what a changed package moves: its wheel, or the image that holds it."""
    sizes = sorted(wheel.content.size for wheel in version.house.wheels)
    images = {image.part: image.file.content.size for image in version.manifest.environments}
    return {"images": images, "wheels": len(sizes), "wheels_bytes": sum(sizes), "median_wheel": sizes[len(sizes) // 2]}
