"""A version's parts as a CycloneDX 1.6 bill of materials: the only place that knows cyclonedx-python-lib.

Models are `machine-learning-model` components that hold the digest of every file; the packages of the published
requirements are libraries with the digests of their wheels. Like the manifest, the bill names no time and no host, so
a version has one bill.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement

from diarize_runner.cache import documents
from diarize_runner.cache.manifest import REQUIREMENTS_NAME, CacheManifest
from diarize_runner.cache.publish import read_built
from diarize_runner.cache.snapshot import FileEntry, RepoSnapshot


def to_cyclonedx(built: Path) -> bytes:
    """Return the bill of the version that `cache build` left in `built`; raises as `read_built` does."""
    manifest = read_built(built)
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, str(manifest.digest)))
    bom.metadata.component = _version(manifest)
    bom.components.update(_model(repo) for repo in manifest.repos)
    bom.components.update(_packages((built / REQUIREMENTS_NAME).read_text(encoding="utf-8")))
    bom.register_dependency(bom.metadata.component, bom.components)
    bill = json.loads(JsonV1Dot6(bom).output_as_string())
    del bill["metadata"]["timestamp"]
    return documents.serialise(bill)


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


def _packages(requirements: str) -> Iterator[Component]:
    for line in requirements.replace("\\\n", " ").splitlines():
        pin, *hashes = line.partition("#")[0].split(" --hash=sha256:")
        if pin.strip():
            requirement = Requirement(pin)
            yield _package(requirement.name, str(requirement.specifier).removeprefix("=="), hashes)


def _package(name: str, version: str, hashes: list[str]) -> Component:
    purl = PackageURL("pypi", None, name, version)
    digests = [_sha256(hexadecimal.strip()) for hexadecimal in hashes]
    return Component(
        type=ComponentType.LIBRARY, name=name, version=version, bom_ref=str(purl), purl=purl, hashes=digests
    )


def _sha256(hexadecimal: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=hexadecimal)
