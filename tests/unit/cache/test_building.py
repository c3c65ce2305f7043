"""A build writes a complete version or none: the manifest comes last."""

import itertools
import shutil
from functools import partial
from pathlib import Path

import pytest
from support.caches import (
    LARGE,
    OLD,
    PIPELINE,
    REQUIREMENTS,
    TINY,
    build_version,
    load_built_manifest,
    tree,
    with_file,
    write_lock,
    write_request,
)
from support.disks import as_nobody, foreign_folder, mounted
from support.kills import killed_before_step
from support.processes import finished, start

from diarize_runner.cache.builder.version import build
from diarize_runner.cache.documents.lock import lock_path, read_lock
from diarize_runner.cache.documents.manifest import ARCHIVE_NAME, MANIFEST_NAME
from diarize_runner.cache.documents.request import read_request
from diarize_runner.cache.published.publish import read_build
from diarize_runner.errors import DiskError, IntegrityError, ManifestError, UsageError
from diarize_runner.progress import NoProgress

THREE_FILES = {ARCHIVE_NAME, MANIFEST_NAME, "requirements-diarization.txt"}


@pytest.fixture
def request_path(tmp_path):
    """A request with its lock beside it."""
    path = write_request(tmp_path)
    write_lock(path)
    return path


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def test_a_build_writes_three_files(request_path, out):
    build_version(request_path, out)

    assert set(tree(out)) == THREE_FILES
    assert read_build(out).version == "1.0"


def test_a_build_replaces_an_older_build(request_path, out):
    write_lock(write_request(request_path.parent, with_file(TINY, "config.yaml", b"old")))
    build_version(request_path, out, "0.9")
    write_lock(write_request(request_path.parent))

    build_version(request_path, out)

    fresh = out.with_name("fresh")
    build_version(request_path, fresh)
    assert tree(out) == tree(fresh)


def test_the_requirements_file_may_be_in_the_output_folder(request_path, out):
    before = build_version(request_path, out)
    lock = read_lock(read_request(request_path), lock_path(request_path))

    requirements = out / "requirements-diarization.txt"
    again = build(
        lock, folder=request_path.parent, version="1.0", requirements=requirements, out=out, progress=NoProgress()
    )

    assert again == before
    assert requirements.read_bytes() == REQUIREMENTS


def test_a_build_without_a_requirements_file_writes_nothing(request_path, out):
    lock = read_lock(read_request(request_path), lock_path(request_path))

    with pytest.raises(UsageError, match=r"nowhere.txt is not a file$") as refusal:
        build(
            lock,
            folder=request_path.parent,
            version="1.0",
            requirements=out / "nowhere.txt",
            out=out,
            progress=NoProgress(),
        )

    assert refusal.value.hint == "give pinned requirements, as in a clone of the repository: --requirements FILE"
    assert not out.exists()


def test_a_file_that_changed_since_the_lock_stops_the_build(request_path, out):
    build_version(request_path, out)
    (request_path.parent / "files" / PIPELINE / "config.yaml").write_text("changed")

    with pytest.raises(IntegrityError, match=f"^{PIPELINE}: config.yaml differs from the lock$") as refusal:
        build_version(request_path, out)

    assert refusal.value.hint == "check what changed, then run: diarize-runner cache resolve"
    assert MANIFEST_NAME not in tree(out)


def test_a_killed_build_leaves_a_complete_version_or_none_and_the_next_one_cleans_up(tmp_path, out):
    request = write_request(tmp_path, OLD)
    write_lock(request)
    build_version(request, out)
    finished_out = tree(out)

    for step in itertools.count(1):
        was_killed = killed_before_step(step, partial(build_version, request, out))
        if MANIFEST_NAME in tree(out):
            assert read_build(out).version == "1.0"
        else:
            with pytest.raises(ManifestError, match=r" holds no finished version: No such file or directory$"):
                read_build(out)
        build_version(request, out)
        assert tree(out) == finished_out
        if not was_killed:
            break

    assert step > 20


def test_a_build_on_a_full_disk_is_an_error_and_leaves_no_version(tmp_path):
    request = write_request(tmp_path, LARGE)
    write_lock(request)

    with mounted(tmp_path / "disk", "size=4m") as disk:
        with pytest.raises(DiskError, match=r"No space left on device$") as refusal:
            build_version(request, disk / "out")

        assert refusal.value.hint.startswith("free some space, then run again")
        assert set(tree(disk / "out")) <= {ARCHIVE_NAME}


def test_a_build_into_a_folder_of_another_user_is_an_error(request_path):
    lock = read_lock(read_request(request_path), lock_path(request_path))

    def attempt():
        as_nobody()
        with pytest.raises(DiskError, match=f"^{out}: Permission denied$") as refusal:
            build(lock, folder=folder, version="1.0", requirements=Path(__file__), out=out, progress=NoProgress())
        assert refusal.value.hint == "check who owns the folder"

    with foreign_folder() as folder:
        out = folder / "out"
        assert finished(start(attempt))


ALTERED = {
    "an altered archive": lambda out: (out / ARCHIVE_NAME).write_bytes(b"x"),
    "no archive": lambda out: (out / ARCHIVE_NAME).unlink(),
    "altered requirements": lambda out: (out / "requirements-diarization.txt").write_bytes(b"x"),
}


@pytest.mark.parametrize("alter", ALTERED.values(), ids=list(ALTERED))
def test_a_built_version_altered_afterwards_is_refused(alter, request_path, out):
    build_version(request_path, out)
    alter(out)

    with pytest.raises(IntegrityError, match=r" is missing or differs from the manifest$") as refusal:
        read_build(out)

    assert refusal.value.hint == "build the version again"


def test_a_reformatted_manifest_is_refused(request_path, out):
    build_version(request_path, out)
    path = out / MANIFEST_NAME
    path.write_bytes(path.read_bytes().replace(b"  ", b" "))
    assert load_built_manifest(out)

    changed = f"{path} was changed after the build, or written by another release"
    with pytest.raises(IntegrityError, match=f"^{path} is missing or differs from the manifest$|^{changed}$"):
        read_build(out)


def test_a_folder_without_a_version_is_an_error_with_a_hint(tmp_path):
    with pytest.raises(ManifestError, match=" holds no finished version: ") as refusal:
        read_build(tmp_path)

    assert refusal.value.hint == "build it: diarize-runner cache build REQUEST.yaml --version VERSION --out DIR"


def test_a_build_folder_may_be_moved(request_path, out):
    manifest = build_version(request_path, out)
    shutil.move(out, out.with_name("moved"))

    assert read_build(out.with_name("moved")) == manifest
