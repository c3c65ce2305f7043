"""Describe a version as a CycloneDX 1.6 bill of materials. Only this module uses cyclonedx-python-lib.

Each model is a `machine-learning-model` component with a `file` component and digest per file. Each package of the
published requirements is a `library` with the digests allowed for its wheels, and a `file` component per wheel that
the version carries. The bill has no timestamp and no host name, so it is the same on every run.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from diarize_runner.cache.documents import canonical
from diarize_runner.cache.documents.manifest import CacheManifest
from diarize_runner.cache.documents.pins import Pin, Release, WheelName, read_pins
from diarize_runner.cache.documents.snapshot import FileEntry, RepoSnapshot
from diarize_runner.cache.documents.wheelhouse import PublishedFile
from diarize_runner.cache.published.publish import read_build
from diarize_runner.digests import Digest


def to_cyclonedx(built: Path) -> bytes:
    """Return the bill of the version that `cache build` left in `built`; raises as `read_build` does."""
    manifest = read_build(built)
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, str(manifest.digest)))
    bom.metadata.component = _version(manifest)
    bom.components.update(_model(repo) for repo in manifest.repos)
    bom.components.update(_packages(_pins(built, manifest), manifest.wheelhouse.wheels if manifest.wheelhouse else ()))
    bom.register_dependency(bom.metadata.component, bom.components)
    bill = json.loads(JsonV1Dot6(bom).output_as_string())
    del bill["metadata"]["timestamp"]
    return canonical.serialise(bill)


def _version(manifest: CacheManifest) -> Component:
    hashes = [_sha256(manifest.archive.file.content.digest.hex)]
    version, name = manifest.version, manifest.name
    return Component(type=ComponentType.DATA, name=name, version=version, bom_ref=f"{name}@{version}", hashes=hashes)


def _model(repo: RepoSnapshot) -> Component:
    organisation, name = repo.repo_id.split("/")
    return Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        group=organisation,
        name=name,
        version=repo.commit_hash,
        bom_ref=repo.repo_id,
        purl=PackageURL("huggingface", organisation, name, repo.commit_hash) if repo.hub else None,
        licenses=[LicenseFactory().make_from_string(repo.licence)],
        properties=[Property(name="huggingface:gated", value=repo.hub.gated)] if repo.hub else [],
        components=[_file(repo, file) for file in repo.files],
    )


def _file(repo: RepoSnapshot, file: FileEntry) -> Component:
    hashes = [_sha256(file.content.digest.hex)]
    return Component(type=ComponentType.FILE, name=file.path, bom_ref=f"{repo.repo_id}/{file.path}", hashes=hashes)


def _pins(built: Path, manifest: CacheManifest) -> Iterator[Pin]:
    installer = [manifest.wheelhouse.installer] if manifest.wheelhouse else []
    for file in (manifest.requirements, *installer):
        yield from read_pins((built / file.name).read_text(encoding="utf-8"), file.name)


def _packages(pins: Iterable[Pin], wheels: Iterable[PublishedFile]) -> Iterator[Component]:
    """Yield each pinned package, then the packages that have a wheel but no pin: the toolkit itself."""
    carried = defaultdict[Release, list[PublishedFile]](list)
    for wheel in wheels:
        carried[WheelName.parse(wheel.name).release].append(wheel)
    for release, pin in {pin.release: pin for pin in pins}.items():
        yield _package(pin.name, pin.version, pin.digests, carried.pop(release, []))
    for (name, version), files in carried.items():
        yield _package(name, str(version), {file.content.digest for file in files}, files)


def _package(name: str, version: str, digests: Collection[Digest], wheels: Iterable[PublishedFile]) -> Component:
    purl = PackageURL("pypi", None, name, version)
    return Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=version,
        bom_ref=str(purl),
        purl=purl,
        hashes=[_sha256(digest.hex) for digest in digests],
        components=[_wheel(wheel) for wheel in wheels],
    )


def _wheel(wheel: PublishedFile) -> Component:
    hashes = [_sha256(wheel.content.digest.hex)]
    return Component(type=ComponentType.FILE, name=wheel.name, bom_ref=f"wheels/{wheel.name}", hashes=hashes)


def _sha256(hexadecimal: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=hexadecimal)
