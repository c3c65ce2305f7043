"""Files are taken from wheels, with real pip and a folder as the index."""

import pytest
import yaml
from support.caches import PIPELINE, build_version, noise, write_lock
from support.checkpoints import as_zip
from support.wheels import use_index, write_page, write_wheel

from diarize_runner.cache.builder import wheels
from diarize_runner.cache.documents.lock import lock_path, read_lock
from diarize_runner.cache.documents.pins import Target
from diarize_runner.cache.documents.request import read_request
from diarize_runner.cache.documents.snapshot import PinnedWheelMember
from diarize_runner.digests import hash_bytes, hash_file
from diarize_runner.errors import IntegrityError, SourceError, UnsafeCheckpoint

WEIGHTS = noise(5000)


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A package index with tiny 1.0 and tiny 2.0."""
    folder = tmp_path / "index"
    for version in ("1.0", "2.0"):
        write_wheel(folder, "tiny", version, {"tiny/model.dat": WEIGHTS + version.encode(), "tiny/LICENSE": b"MIT\n"})
    use_index(monkeypatch, folder)
    return folder


def request_for(folder, files):
    """Write a request with the sources in `files`."""
    path = folder / "tiny.yaml"
    repo = {"repo_id": PIPELINE, "revision": "main", "licence": "MIT", "files": files}
    head = {"format": "diarize-runner/request/1", "name": "tiny", "pipeline": PIPELINE}
    path.write_text(yaml.safe_dump({**head, "repos": [repo]}))
    return path


def fetch_wheel(requirement):
    with wheels.download_wheel(requirement):
        pass


WHEEL_MEMBER = {"wheel": "tiny==1.0", "member": "tiny/model.dat"}


def test_a_file_of_a_wheel_is_resolved_pinned_and_built(index, tmp_path):
    (tmp_path / "own.yaml").write_bytes(b"own\n")
    files = {
        "model.dat": WHEEL_MEMBER,
        "LICENSE": {**WHEEL_MEMBER, "member": "tiny/LICENSE"},
        "own.yaml": {"local": "own.yaml"},
    }
    request = request_for(tmp_path, files)

    lock = write_lock(request)

    entries = {entry.path: entry for entry in lock.repos[0].files}
    pinned = hash_file(index / "tiny-1.0-py3-none-any.whl").digest
    assert list(entries) == ["LICENSE", "model.dat", "own.yaml"]
    assert entries["model.dat"].content == hash_bytes(WEIGHTS + b"1.0")
    assert entries["LICENSE"].content == hash_bytes(b"MIT\n")
    assert isinstance(entries["model.dat"].source, PinnedWheelMember)
    assert {entries[path].source.wheel_digest for path in ("LICENSE", "model.dat")} == {pinned}
    assert read_lock(read_request(request), lock_path(request)) == lock
    assert build_version(request, tmp_path / "out").repos == lock.repos


def test_a_digest_selects_its_wheel_among_builds_of_one_version(index, monkeypatch):
    newer = write_wheel(index, "tiny", "1.0", {"tiny/model.dat": b"rebuilt"}, build="-1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(write_page(index)))

    with wheels.download_wheel("tiny==1.0") as wheel:
        assert wheel.digest() == hash_file(newer).digest
    with wheels.download_wheel("tiny==1.0", hash_file(index / "tiny-1.0-py3-none-any.whl").digest) as wheel:
        assert wheel.read_member("tiny/model.dat") == WEIGHTS + b"1.0"


@pytest.mark.parametrize("python", ["3.11", "3.12"])
def test_of_several_wheels_the_one_for_the_same_python_is_taken_on_every_build_host(index, monkeypatch, python):
    tags = [f"cp{number}-cp{number}-manylinux_2_28_x86_64" for number in (310, 311, 312, 313)]
    for tag in (*tags, "cp311-cp311-macosx_11_0_arm64", "cp311-cp311-win_amd64", "cp311-cp311-manylinux_2_39_x86_64"):
        write_wheel(index, "native", "1.0", {"native/tag": tag.encode()}, tag=tag)
    assert Target(python="3.11") == wheels._TARGET
    monkeypatch.setattr(wheels, "_TARGET", Target(python=python))

    with wheels.download_wheel("native==1.0") as wheel:
        digest = wheel.digest()
        assert wheel.read_member("native/tag").decode() == tags[int(python[2:]) - 10]
    with wheels.download_wheel("native==1.0", digest) as wheel:
        assert wheel.digest() == digest


@pytest.mark.usefixtures("index")
def test_pip_imports_no_module_of_the_working_directory(tmp_path, monkeypatch):
    for name in ("json", "pip", "email"):
        (tmp_path / f"{name}.py").write_text("open('planted', 'w').close()\nraise SystemExit('planted')\n")
    monkeypatch.chdir(tmp_path)

    with wheels.download_wheel("tiny==1.0") as wheel:
        assert wheel.read_member("tiny/model.dat") == WEIGHTS + b"1.0"

    assert not (tmp_path / "planted").exists()


def test_a_wheel_rebuilt_since_the_lock_stops_the_build(index, tmp_path):
    request = request_for(tmp_path, {"model.dat": WHEEL_MEMBER})
    write_lock(request)
    write_wheel(index, "tiny", "1.0", {"tiny/model.dat": WEIGHTS + b"1.0", "tiny/backdoor.py": b""})

    with pytest.raises(IntegrityError) as refusal:
        build_version(request, tmp_path / "out")

    assert refusal.value.message == "tiny==1.0: the index's wheel is not the one that the lock pins"
    assert refusal.value.hint.startswith("find out whether the index or the network changed it, then run: ")
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_wheel_missing_from_the_index_is_an_error_with_a_hint(index):
    with pytest.raises(SourceError) as refusal:
        fetch_wheel("tiny==3.0")

    assert refusal.value.message == "tiny==3.0: No matching distribution found for tiny==3.0"
    assert refusal.value.hint == (
        "check that your package index has a wheel for CPython 3.11 on Linux x86-64, and that pip can reach it: "
        "pip download"
    )


def test_a_source_distribution_is_never_built(index):
    (index / "source-1.0.tar.gz").write_bytes(b"its setup.py would run")

    with pytest.raises(SourceError, match=r"^source==1.0: No matching distribution found for source==1.0$"):
        fetch_wheel("source==1.0")


def test_a_file_missing_from_the_wheel_is_named(index, tmp_path):
    request = request_for(tmp_path, {"model.dat": {**WHEEL_MEMBER, "member": "tiny/other.bin"}})

    with pytest.raises(SourceError) as refusal:
        write_lock(request)

    assert refusal.value.message == "tiny-1.0-py3-none-any.whl holds no tiny/other.bin"
    assert refusal.value.hint == "list its files: unzip -l"


def member_or_refusal(path):
    """Return a member's bytes, or the start of the error message."""
    try:
        return wheels.Wheel(path).read_member("tiny/model.dat")
    except SourceError as refusal:
        return refusal.message.partition(": ")[0]


def test_a_damaged_wheel_gives_the_right_file_or_an_error(tmp_path):
    text = b"the same words, again and again; " * 20
    path = write_wheel(tmp_path, "tiny", "1.0", {"tiny/model.dat": text})
    whole = path.read_bytes()
    outcomes = set()

    for place in range(0, 8 * len(whole), 3):
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        outcomes.add(member_or_refusal(path))

    assert outcomes == {text, path.name, f"{path.name} holds no tiny/model.dat"}


def test_an_unknown_conversion_is_an_error_that_lists_the_known_ones(index, tmp_path):
    request = request_for(tmp_path, {"model.dat": {**WHEEL_MEMBER, "convert": "alchemy"}})

    with pytest.raises(SourceError) as refusal:
        write_lock(request)

    assert refusal.value.message == "unknown conversion 'alchemy'"
    assert refusal.value.hint == "use one of: campplus-encoder, pyannote-segmentation"


def test_a_file_that_cannot_be_converted_safely_is_refused(index, tmp_path):
    write_wheel(index, "tiny", "1.0", {"tiny/model.dat": as_zip(b"cposix\nsystem\n(U\x02idtR.")})
    request = request_for(tmp_path, {"model.dat": {**WHEEL_MEMBER, "convert": "campplus-encoder"}})

    with pytest.raises(UnsafeCheckpoint, match=r"refers to posix.system, which is not on the allowlist$"):
        write_lock(request)
