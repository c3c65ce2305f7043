"""The bill of materials is valid CycloneDX 1.6, complete, and the same bytes for the same version."""

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cyclonedx.exception import MissingOptionalDependencyException
from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from support.caches import PIPELINE, TINY, WEIGHTS, build_version, write_lock, write_request
from support.wheels import WHEELS, WheelSite

from diarize_runner.cache.builder.sbom import to_cyclonedx
from diarize_runner.cache.builder.version import build
from diarize_runner.cache.documents.lock import lock_path, read_lock
from diarize_runner.cache.documents.manifest import ARCHIVE_NAME, MANIFEST_NAME, CacheManifest
from diarize_runner.cache.documents.request import read_request
from diarize_runner.cache.documents.snapshot import HubOrigin
from diarize_runner.digests import hash_bytes, hash_file
from diarize_runner.errors import IntegrityError, ManifestError
from diarize_runner.progress import NoProgress

REQUIREMENTS = Path(__file__).parents[3] / "requirements" / "requirements-diarization.txt"


def faults(bill):
    """Return the faults that the schema validator finds in a bill, or the library's parser without a validator."""
    try:
        return JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill.decode())
    except MissingOptionalDependencyException:
        return None if Bom.from_json(json.loads(bill)).components else "no components"


@pytest.fixture
def built(tmp_path):
    """The tiny cache, built with this repository's requirements."""
    request = write_request(tmp_path)
    write_lock(request)
    lock = read_lock(read_request(request), lock_path(request))
    out = tmp_path / "out"
    build(lock, folder=tmp_path, version="1.0", requirements=REQUIREMENTS, out=out, progress=NoProgress())
    return out


@pytest.fixture
def from_hub(built):
    """The same build, edited as if one repository came from the Hub."""
    manifest = CacheManifest.from_bytes((built / MANIFEST_NAME).read_bytes(), MANIFEST_NAME)
    pipeline, weights = manifest.repos
    hub = dataclasses.replace(weights, hub=HubOrigin(gated="auto", allow_patterns=()))
    (built / MANIFEST_NAME).write_bytes(dataclasses.replace(manifest, repos=(pipeline, hub)).to_bytes())
    return built


def by_type(bill):
    found = {}
    for component in json.loads(bill)["components"]:
        found.setdefault(component["type"], []).append(component)
    return found


def hashes(component):
    assert {each["alg"] for each in component["hashes"]} == {"SHA-256"}
    return {each["content"] for each in component["hashes"]}


def test_a_bill_is_valid_cyclonedx_1_6(built):
    bill = to_cyclonedx(built)

    assert faults(bill) is None
    assert (json.loads(bill)["bomFormat"], json.loads(bill)["specVersion"]) == ("CycloneDX", "1.6")


def test_a_bill_names_the_hub_as_the_source_of_hub_repositories(from_hub):
    bill = to_cyclonedx(from_hub)

    assert faults(bill) is None
    models = {f"{model['group']}/{model['name']}": model for model in by_type(bill)["machine-learning-model"]}
    assert models[WEIGHTS]["purl"].startswith(f"pkg:huggingface/acme/weights@{models[WEIGHTS]['version']}")
    assert models[WEIGHTS]["properties"] == [{"name": "huggingface:gated", "value": "auto"}]
    assert "purl" not in models[PIPELINE]


def test_the_validator_finds_an_invalid_bill(built):
    bill = json.loads(to_cyclonedx(built))
    bill["components"][0]["type"] = "sandwich"
    try:
        found = faults(json.dumps(bill).encode())
    except ValueError as reason:
        found = reason

    assert found is not None


@pytest.mark.long
def test_a_version_has_the_same_bill_in_every_folder_and_environment(built, tmp_path):
    shutil.copytree(built, tmp_path / "deep" / "copy")
    script = (
        "import sys; from pathlib import Path; from diarize_runner.cache.builder.sbom import to_cyclonedx as bill; "
    )
    script += "sys.stdout.buffer.write(bill(Path(sys.argv[1])))"
    bills = {
        subprocess.run(
            [sys.executable, "-c", script, str(folder)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONHASHSEED": seed, "TZ": tz},
            capture_output=True,
            check=True,
        ).stdout
        for folder, seed, tz in ((built, "1", "UTC"), (tmp_path / "deep" / "copy", "2", "Asia/Kathmandu"))
    }

    assert bills == {to_cyclonedx(built)}
    assert b"timestamp" not in to_cyclonedx(built)


def test_another_version_has_another_serial_number(built, tmp_path):
    other = tmp_path / "other"
    build_version(tmp_path / "tiny.yaml", other, "1.1")

    numbers = {json.loads(to_cyclonedx(folder))["serialNumber"] for folder in (built, other)}

    assert len(numbers) == 2


def test_a_bill_lists_every_file_with_its_digest(built):
    models = by_type(to_cyclonedx(built))["machine-learning-model"]

    listed = {
        f"{model['group']}/{model['name']}": {file["name"]: hashes(file) for file in model["components"]}
        for model in models
    }
    assert listed == {
        repo_id: {path: {hash_bytes(data).digest.hex} for path, data in files.items()}
        for repo_id, files in TINY.items()
    }
    manifest = CacheManifest.from_bytes((built / MANIFEST_NAME).read_bytes(), MANIFEST_NAME)
    assert {(model["version"], model["licenses"][0]["license"]["id"]) for model in models} == {
        (repo.commit_hash, "MIT") for repo in manifest.repos
    }


def test_a_bill_lists_every_pin_with_all_its_hashes(built):
    pins = {}
    for block in re.split(r"\n(?=\S)", REQUIREMENTS.read_text()):
        if pin := re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", block):
            pins.setdefault(pin.groups(), set()).update(re.findall(r"--hash=sha256:([0-9a-f]{64})", block))
    assert len(pins) > 20

    packages = by_type(to_cyclonedx(built))["library"]

    assert {(package["name"], package["version"]): hashes(package) for package in packages} == pins
    assert all(package["purl"].startswith("pkg:pypi/") for package in packages)


def test_a_bill_lists_every_carried_wheel_under_its_package(tmp_path):
    site = WheelSite(folder=tmp_path)
    site.build("1.0")

    bill = to_cyclonedx(site.built("1.0"))

    assert faults(bill) is None
    packages = {package["name"]: package for package in by_type(bill)["library"]}
    carried = {name: {each["name"] for each in package["components"]} for name, package in packages.items()}
    assert set(carried) == {"speech", "common", "tool", "diarize-runner"}
    assert set.union(*carried.values()) == set(WHEELS)
    for package in packages.values():
        for wheel in package["components"]:
            assert wheel["name"].startswith(package["name"].replace("-", "_"))
            assert hashes(wheel) == {hash_bytes(WHEELS[wheel["name"]]).digest.hex} <= hashes(package)


def test_the_subject_of_a_bill_is_the_version_and_its_archive(built):
    bill = json.loads(to_cyclonedx(built))

    subject = bill["metadata"]["component"]
    assert (subject["name"], subject["version"]) == ("tiny", "1.0")
    assert hashes(subject) == {hash_file(built / ARCHIVE_NAME).digest.hex}
    depends = {each["ref"]: set(each.get("dependsOn", [])) for each in bill["dependencies"]}
    assert depends[subject["bom-ref"]] == {component["bom-ref"] for component in bill["components"]}


def test_a_folder_without_a_complete_version_has_no_bill(built, tmp_path):
    with pytest.raises(ManifestError, match="holds no finished version"):
        to_cyclonedx(tmp_path)
    (built / ARCHIVE_NAME).write_bytes(b"x")
    with pytest.raises(IntegrityError, match="is missing or differs from the manifest"):
        to_cyclonedx(built)
