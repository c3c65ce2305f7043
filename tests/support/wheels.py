"""Wheels, a folder of them as a package index, and versions with wheels."""

import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.utils import parse_wheel_filename
from support.caches import OLD, Site, load_built_manifest, noise

from diarize_runner.cache.documents.manifest import (
    INSTALLER_NAME,
    MANIFEST_NAME,
    REQUIREMENTS_NAME,
    WHEELS_PAGE_NAME,
)
from diarize_runner.cache.documents.wheelhouse import PublishedFile, Wheelhouse
from diarize_runner.cache.published.shared_files import WHEELS_FOLDER, render_page
from diarize_runner.digests import hash_file


def write_wheel(index, name, version, members, *, build="", tag="py3-none-any"):
    """Write a wheel that pip accepts, with `members` beside its metadata; return its path."""
    index.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    described = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
    }
    path = index / f"{name}-{version}{build}-{tag}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for member, data in {**members, **described, f"{info}/RECORD": b""}.items():
            wheel.writestr(zipfile.ZipInfo(member), data, zipfile.ZIP_DEFLATED)
    return path


def write_page(index):
    """Write an index page with every wheel's digest; return its path."""
    page = index / "links.html"
    links = [
        f'<a href="{path.name}#sha256={hash_file(path).digest.hex}">{path.name}</a>' for path in index.glob("*.whl")
    ]
    page.write_text("<!DOCTYPE html>" + "".join(links))
    return page


def index_settings(index):
    """Return the environment variables that limit pip to the folder `index`."""
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index), "PIP_CONFIG_FILE": "/dev/null"}


def use_index(monkeypatch, index):
    """Limit pip to the folder `index`."""
    for variable, value in index_settings(index).items():
        monkeypatch.setenv(variable, value)


def pinned(*wheels, marker=""):
    """Return the requirement line of one release with the hashes of its `wheels`."""
    ((name, version),) = {parse_wheel_filename(wheel.name)[:2] for wheel in wheels}
    hashes = [f"--hash={hash_file(wheel).digest}" for wheel in wheels]
    return " \\\n    ".join([f"{name}=={version}{marker and ' ; '}{marker}", *hashes]) + "\n"


WHEELS = {
    "speech-1.0-cp311-cp311-manylinux_2_28_x86_64.whl": noise(3000, "speech for 3.11"),
    "speech-1.0-cp312-cp312-manylinux_2_28_x86_64.whl": noise(3000, "speech for 3.12"),
    "common-2.0-py3-none-any.whl": noise(2000, "common"),
    "tool-3.0-py3-none-any.whl": noise(1000, "tool"),
    "diarize_runner-0.1.0-py3-none-any.whl": noise(500, "toolkit"),
}
"""Wheels of a version, with dummy content. `tool` is in the installer requirements; nothing pins the toolkit."""
FOR_311 = set(WHEELS) - {"speech-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"}


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelSite(Site):
    """A site whose versions carry `WHEELS`."""

    def build(self, version="1.0", repos=OLD, wheels=WHEELS):
        Site.build(self, version, repos)
        return carry(self.built(version), wheels)

    def publish(self, version="1.0", repos=OLD, wheels=WHEELS):
        self.build(version, repos, wheels)
        return self.publish_built(version)


def carry(built, wheels, first=("tool",), both=()):
    """Add `wheels`, contents by file name, to the version in `built`; return its manifest.

    Packages in `first` go to the installer requirements, all others, and those in `both`, to the requirements.
    """
    folder = built / WHEELS_FOLDER
    folder.mkdir(exist_ok=True)
    for name, data in wheels.items():
        (folder / name).write_bytes(data)
    releases = {}
    for path in sorted(folder.iterdir()):
        releases.setdefault(path.name.split("-")[0], []).append(path)
    releases.pop("diarize_runner", None)
    installer = [releases[name] for name in first if name in releases]
    for name in {*first} - {*both}:
        releases.pop(name, None)
    (built / REQUIREMENTS_NAME).write_text("".join(pinned(*paths) for paths in releases.values()))
    (built / INSTALLER_NAME).write_text("".join(pinned(*paths) for paths in installer))
    listed = tuple(described(path, path.name) for path in sorted(folder.iterdir()))
    (built / WHEELS_PAGE_NAME).write_bytes(render_page(listed))
    house = Wheelhouse(
        installer=described(built / INSTALLER_NAME, INSTALLER_NAME),
        page=described(built / WHEELS_PAGE_NAME, WHEELS_PAGE_NAME),
        wheels=listed,
    )
    requirements = described(built / REQUIREMENTS_NAME, REQUIREMENTS_NAME)
    manifest = replace(load_built_manifest(built), requirements=requirements, wheelhouse=house)
    (built / MANIFEST_NAME).write_bytes(manifest.to_bytes())
    return manifest


def described(path: Path, name):
    return PublishedFile(name=name, content=hash_file(path))
