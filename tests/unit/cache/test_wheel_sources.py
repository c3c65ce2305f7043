"""Files out of wheels: real pip, and an index that is a folder."""

import pytest
import yaml
from support.caches import PIPELINE, build_version, noise, write_lock
from support.checkpoints import as_zip
from support.wheels import use_index, write_page, write_wheel

from diarize_runner.cache.builder import wheels
from diarize_runner.cache.documents.lock import lock_path, read_lock
from diarize_runner.cache.documents.request import read_request
from diarize_runner.cache.documents.snapshot import PinnedWheelMember
from diarize_runner.digests import content_of, content_of_file
from diarize_runner.errors import IntegrityError, SourceError, UnsafeCheckpoint

WEIGHTS = noise(5000)


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A package index with tiny 1.0 and 2.0."""
    folder = tmp_path / "index"
    for version in ("1.0", "2.0"):
        write_wheel(folder, "tiny", version, {"tiny/model.dat": WEIGHTS + version.encode(), "tiny/LICENSE": b"MIT\n"})
    use_index(monkeypatch, folder)
    return folder


def request_for(folder, files):
    """Write a request whose files come from where `files` says."""
    path = folder / "tiny.yaml"
    repo = {"repo_id": PIPELINE, "revision": "main", "licence": "MIT", "files": files}
    head = {"format": "diarize-runner/request/1", "name": "tiny", "pipeline": PIPELINE}
    path.write_text(yaml.safe_dump({**head, "repos": [repo]}))
    return path


def fetch_wheel(requirement):
    with wheels.downloaded(requirement):
        pass


MEMBER = {"wheel": "tiny==1.0", "member": "tiny/model.dat"}


def test_a_member_of_a_wheel_is_resolved_pinned_and_built(index, tmp_path):
    (tmp_path / "own.yaml").write_bytes(b"own\n")
    files = {"model.dat": MEMBER, "LICENSE": {**MEMBER, "member": "tiny/LICENSE"}, "own.yaml": {"local": "own.yaml"}}
    request = request_for(tmp_path, files)

    lock = write_lock(request)

    entries = {entry.path: entry for entry in lock.repos[0].files}
    pinned = content_of_file(index / "tiny-1.0-py3-none-any.whl").digest
    assert list(entries) == ["LICENSE", "model.dat", "own.yaml"]
    assert entries["model.dat"].content == content_of(WEIGHTS + b"1.0")
    assert entries["LICENSE"].content == content_of(b"MIT\n")
    assert isinstance(entries["model.dat"].source, PinnedWheelMember)
    assert {entries[path].source.wheel_digest for path in ("LICENSE", "model.dat")} == {pinned}
    assert read_lock(read_request(request), lock_path(request)) == lock
    assert build_version(request, tmp_path / "out").repos == lock.repos


def test_a_pin_picks_its_very_wheel_among_those_of_one_version(index, monkeypatch):
    newer = write_wheel(index, "tiny", "1.0", {"tiny/model.dat": b"rebuilt"}, build="-1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(write_page(index)))

    with wheels.downloaded("tiny==1.0") as wheel:
        assert wheel.digest() == content_of_file(newer).digest
    with wheels.downloaded("tiny==1.0", content_of_file(index / "tiny-1.0-py3-none-any.whl").digest) as wheel:
        assert wheel.member("tiny/model.dat") == WEIGHTS + b"1.0"


@pytest.mark.usefixtures("index")
def test_no_module_of_the_working_folder_is_imported_while_pip_chooses(tmp_path, monkeypatch):
    for name in ("json", "pip", "email"):
        (tmp_path / f"{name}.py").write_text("open('planted', 'w').close()\nraise SystemExit('planted')\n")
    monkeypatch.chdir(tmp_path)

    with wheels.downloaded("tiny==1.0") as wheel:
        assert wheel.member("tiny/model.dat") == WEIGHTS + b"1.0"

    assert not (tmp_path / "planted").exists()


def test_a_wheel_that_was_rebuilt_since_it_was_locked_stops_the_build(index, tmp_path):
    request = request_for(tmp_path, {"model.dat": MEMBER})
    write_lock(request)
    write_wheel(index, "tiny", "1.0", {"tiny/model.dat": WEIGHTS + b"1.0", "tiny/backdoor.py": b""})

    with pytest.raises(IntegrityError) as refusal:
        build_version(request, tmp_path / "out")

    assert refusal.value.message == "tiny==1.0: the index's wheel is not the one that the lock pins"
    assert refusal.value.hint.startswith("it was replaced there, or altered on the way: find out which, then run: ")
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_an_index_without_the_wheel_gives_an_error_with_a_hint(index):
    with pytest.raises(SourceError) as refusal:
        fetch_wheel("tiny==3.0")

    assert refusal.value.message == "tiny==3.0: No matching distribution found for tiny==3.0"
    assert refusal.value.hint == "has your package index a wheel of it, and can pip reach it? see: pip download"


def test_a_source_distribution_is_never_built(index):
    (index / "source-1.0.tar.gz").write_bytes(b"its setup.py would run")

    with pytest.raises(SourceError, match=r"^source==1.0: No matching distribution found for source==1.0$"):
        fetch_wheel("source==1.0")


def test_a_member_that_is_not_in_the_wheel_is_named(index, tmp_path):
    request = request_for(tmp_path, {"model.dat": {**MEMBER, "member": "tiny/other.bin"}})

    with pytest.raises(SourceError) as refusal:
        write_lock(request)

    assert refusal.value.message == "tiny-1.0-py3-none-any.whl holds no tiny/other.bin"
    assert refusal.value.hint == "look inside it: unzip -l"


def member_or_refusal(path):
    """Return a member, or what the error says before it says why."""
    try:
        return wheels.Wheel(path).member("tiny/model.dat")
    except SourceError as refusal:
        return refusal.message.partition(": ")[0]


def test_a_damaged_wheel_gives_the_right_member_or_an_error(tmp_path):
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


def test_a_conversion_that_is_not_known_is_refused_with_those_that_are(index, tmp_path):
    request = request_for(tmp_path, {"model.dat": {**MEMBER, "convert": "alchemy"}})

    with pytest.raises(SourceError) as refusal:
        write_lock(request)

    assert refusal.value.message == "there is no conversion 'alchemy'"
    assert refusal.value.hint == "the conversions are: ge2e-encoder, pyannote-segmentation"


def test_a_member_that_cannot_be_converted_safely_is_refused(index, tmp_path):
    write_wheel(index, "tiny", "1.0", {"tiny/model.dat": as_zip(b"cposix\nsystem\n(U\x02idtR.")})
    request = request_for(tmp_path, {"model.dat": {**MEMBER, "convert": "ge2e-encoder"}})

    with pytest.raises(UnsafeCheckpoint, match=r"names posix.system, which is not on the allow-list$"):
        write_lock(request)
