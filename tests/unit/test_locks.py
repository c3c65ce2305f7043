"""The locks under requirements/ match their .in files and each other, and fit into one environment."""

import hashlib
import re
import runpy
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from diarize_runner.alignment.environment import VERSION

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements"
SUPPORTED_PYTHONS = ("3.10", "3.11", "3.12", "3.13")
PURPOSES = ("control", "diarization", "installer", "ray", "dev")
PUBLISHED = ("diarization", "installer", "ray")
LOCKS = [REQUIREMENTS / f"py{python}" / f"{purpose}.txt" for python in SUPPORTED_PYTHONS for purpose in PURPOSES]
MERGED = [REQUIREMENTS / f"requirements-{purpose}.txt" for purpose in PUBLISHED]
ALIGNMENT = [REQUIREMENTS / f"py{python}" / "alignment.txt" for python in SUPPORTED_PYTHONS]
"""They have an environment of their own."""
ALL = [*LOCKS, *ALIGNMENT, *MERGED, REQUIREMENTS / "swift.txt"]


def named(path: Path) -> str:
    return str(path.relative_to(REQUIREMENTS))


def pins(lock: Path) -> dict[str, str]:
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock.read_text(), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def requirements_in(source: Path) -> list[Requirement]:
    return [Requirement(line) for line in source.read_text().splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("lock", ALL, ids=named)
def test_a_lock_has_the_digest_of_its_requirements(lock):
    name, digest = re.fullmatch(r"# requirements/(\w+\.in) sha256:(\w+)", lock.read_text().splitlines()[0]).groups()
    assert hashlib.sha256((REQUIREMENTS / name).read_bytes()).hexdigest() == digest, f"{name} changed: run make lock"


@pytest.mark.parametrize("lock", [*LOCKS, *ALIGNMENT], ids=named)
def test_a_lock_pins_all_its_requirements(lock):
    versions = pins(lock)
    for requirement in requirements_in(REQUIREMENTS / f"{lock.stem}.in"):
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement


@pytest.mark.parametrize("lock", ALL, ids=named)
def test_every_pin_has_a_hash_and_none_is_of_a_local_build(lock):
    blocks = re.split(r"^(?=[A-Za-z0-9])", lock.read_text(), flags=re.MULTILINE)[1:]
    assert blocks
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert [name for name, version in pins(lock).items() if "+" in version] == []


@pytest.mark.parametrize("lock", ALL, ids=named)
def test_a_lock_names_no_index(lock):
    assert not re.search(r"^--|^\s*(-i|-f)\s|https?://", lock.read_text().replace("via\n", ""), re.MULTILINE)


@pytest.mark.parametrize("python", SUPPORTED_PYTHONS)
def test_all_locks_of_a_python_fit_into_one_environment(python):
    versions: dict[str, str] = {}
    for lock in [REQUIREMENTS / f"py{python}" / f"{purpose}.txt" for purpose in PURPOSES]:
        for name, version in pins(lock).items():
            assert versions.setdefault(name, version) == version, f"{name} in {lock}"


@pytest.mark.parametrize("purpose", PUBLISHED)
@pytest.mark.parametrize("python", SUPPORTED_PYTHONS)
def test_the_published_requirements_equal_the_lock_of_each_python(python, purpose):
    text = (REQUIREMENTS / f"requirements-{purpose}.txt").read_text().replace("\\\n", " ")
    lines = [line.split(" --hash")[0] for line in text.splitlines() if not line.startswith("#")]
    chosen = [Requirement(line) for line in lines]
    here = [each for each in chosen if each.marker is None or each.marker.evaluate({"python_version": python})]
    published = {canonicalize_name(each.name): str(each.specifier).removeprefix("==") for each in here}
    assert published == pins(REQUIREMENTS / f"py{python}" / f"{purpose}.txt")


@pytest.mark.parametrize("purpose", PUBLISHED)
def test_the_published_requirements_are_merged_from_the_locks(purpose):
    merged = runpy.run_path(str(ROOT / "scripts" / "merge_locks.py"))["merge_locks"]
    assert (REQUIREMENTS / f"requirements-{purpose}.txt").read_text() == merged(purpose)


@pytest.mark.parametrize("lock", ALIGNMENT, ids=named)
def test_the_alignment_lock_has_the_whisperx_that_the_toolkit_asks_for(lock):
    assert pins(lock)["whisperx"] == VERSION


def test_torch_and_pyannote_are_the_supported_versions():
    for python in SUPPORTED_PYTHONS:
        versions = pins(REQUIREMENTS / f"py{python}" / "diarization.txt")
        assert (versions["torch"], versions["pyannote-audio"]) == ("2.11.0", "4.0.7")
