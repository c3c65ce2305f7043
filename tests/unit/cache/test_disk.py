"""A file or link that is written over another is the old one or the new, and what the disk said is passed on."""

import errno
import itertools
import os
import secrets
import shutil
import threading
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.caches import noise, tree
from support.disks import lock_as_on_nfs, mounted
from support.kills import killed_before_step

from diarize_runner.digests import Digest, hash_bytes, hash_file
from diarize_runner.disk import (
    disk_errors,
    flush,
    link_atomically,
    lock_folder,
    open_for_resuming,
    swap_folders,
    write_atomically,
)
from diarize_runner.errors import DiskError


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_a_file_is_written_over_another_and_its_mode_is_left_to_the_umask(umask, mode, tmp_path):
    path = tmp_path / "file"
    before = os.umask(umask)
    try:
        for data in (b"first", b"second"):
            write_atomically(path, data)
            assert path.read_bytes() == data
    finally:
        os.umask(before)

    assert path.stat().st_mode & 0o777 == mode
    assert set(tree(tmp_path)) == {"file"}


def test_a_file_that_does_not_fit_leaves_the_one_that_was_there(tmp_path):
    with mounted(tmp_path / "disk", "size=64k") as disk:
        write_atomically(disk / "file", b"old")

        with pytest.raises(OSError, match="No space left on device"):
            write_atomically(disk / "file", noise(1 << 20))

        assert (disk / "file").read_bytes() == b"old"
        assert set(tree(disk)) == {"file"}


def test_a_link_is_made_over_another_and_over_what_a_killed_run_left(tmp_path):
    link = tmp_path / "current"
    link_atomically(link, "first")
    (tmp_path / ".current-fresh").symlink_to("half-way")

    link_atomically(link, "second")

    assert tree(tmp_path) == {"current": "-> second"}


@pytest.fixture(params=["a local disk", "NFS"])
def any_disk(request, monkeypatch, tmp_path):
    if request.param == "NFS":
        lock_as_on_nfs(monkeypatch)
    return tmp_path


def test_who_wants_the_lock_of_a_folder_waits_for_who_has_it(any_disk):
    held, order = lock_folder(any_disk), []

    def wait():
        os.close(lock_folder(any_disk))
        order.append("second")

    waiter = threading.Thread(target=wait)
    waiter.start()
    waiter.join(timeout=0.2)
    order.append("first")
    os.close(held)
    waiter.join()

    assert order == ["first", "second"]


def test_a_folder_that_is_removed_while_somebody_waits_for_its_lock_is_not_there(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    held, outcomes = lock_folder(folder), []

    def wait():
        with pytest.raises(FileNotFoundError):
            lock_folder(folder)
        outcomes.append("not there")

    waiter = threading.Thread(target=wait)
    waiter.start()
    waiter.join(timeout=0.2)
    folder.rmdir()
    folder.mkdir()
    os.close(held)
    waiter.join()

    assert outcomes == ["not there"]


def test_what_killed_runs_left_beside_a_file_goes_when_it_is_a_day_old(tmp_path):
    stays = {".file-0123456789abcdef", ".other-0123456789abcde0", ".file-notes", "[file]"}
    for name in (*stays, ".file-0123456789abcde1"):
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, (0, 0))
    os.utime(tmp_path / ".file-0123456789abcdef")

    write_atomically(tmp_path / "file", b"new")

    assert set(tree(tmp_path)) == {"file", *stays}


@pytest.mark.parametrize("plant", [os.symlink, os.link])
def test_what_a_planted_name_leads_to_is_not_written(plant, tmp_path, monkeypatch):
    """By the name that was used once, and by the one that is used now, were it known."""
    outside = tmp_path / "outside"
    outside.write_bytes(b"precious")
    monkeypatch.setattr(secrets, "token_hex", lambda _: "guessed")
    plant(outside, tmp_path / f".file-{os.getpid()}")
    write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"

    plant(outside, tmp_path / ".file-guessed")
    with pytest.raises(FileExistsError):
        write_atomically(tmp_path / "file", b"newer")

    assert outside.read_bytes() == b"precious"
    assert (tmp_path / "file").read_bytes() == b"new"


@pytest.mark.parametrize("plant", [os.symlink, os.link])
def test_what_a_planted_link_leads_to_is_not_gone_on_with(plant, tmp_path):
    outside = tmp_path / "outside"
    outside.write_bytes(b"precious")
    plant(outside, tmp_path / "begun")

    with open_for_resuming(tmp_path / "begun") as file:
        file.write(b"new")

    assert outside.read_bytes() == b"precious"
    assert (tmp_path / "begun").read_bytes() == b"new"


def test_a_file_that_was_begun_is_gone_on_with(tmp_path):
    (tmp_path / "begun").write_bytes(b"one ")

    with open_for_resuming(tmp_path / "begun") as file:
        file.write(b"two")

    assert (tmp_path / "begun").read_bytes() == b"one two"


def test_a_lock_that_leads_elsewhere_on_nfs_is_not_opened(tmp_path, monkeypatch):
    lock_as_on_nfs(monkeypatch)
    (tmp_path / ".lock").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        lock_folder(tmp_path)

    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EBADF, errno.EACCES])
def test_a_folder_that_cannot_be_flushed_is_left_to_its_file_system(number, tmp_path, monkeypatch):
    def refuse(_):
        raise OSError(number, os.strerror(number))

    (tmp_path / "file").touch()
    monkeypatch.setattr(os, "fsync", refuse)

    flush(tmp_path)
    with pytest.raises(OSError, match=os.strerror(number)):
        flush(tmp_path / "file")


def test_a_folder_that_the_disk_fails_to_flush_is_an_error(tmp_path, monkeypatch):
    def fail(_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(OSError, match="Input/output error"):
        flush(tmp_path)


@pytest.fixture
def folders(tmp_path):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    return tmp_path / "one", tmp_path / "other"


def test_two_folders_change_places_and_there_is_always_one_at_the_second(folders):
    for step in itertools.count(1):
        was_killed = killed_before_step(step, partial(swap_folders, *folders))
        assert (folders[1] / "file").exists()
        if not was_killed:
            break

    assert [(folder / "file").read_text() for folder in folders] == ["other", "one"]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS, errno.EXDEV])
def test_two_folders_change_places_where_the_disk_cannot_exchange_them(number, folders, monkeypatch):
    def cannot(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("diarize_runner.disk._exchange", cannot)
    (folders[0].parent / "one-aside").mkdir()
    (folders[0].parent / "one-aside" / "left").write_text("by a killed run")

    swap_folders(*folders)

    assert [(folder / "file").read_text() for folder in folders] == ["other", "one"]
    assert {path.name for path in folders[0].parent.iterdir()} == {"one", "other"}


def test_a_folder_that_is_not_there_changes_places_with_none(folders):
    shutil.rmtree(folders[1])

    with pytest.raises(FileNotFoundError, match="other"):
        swap_folders(*folders)

    assert (folders[0] / "file").read_text() == "one"


HINTS = {
    errno.ENOSPC: "free some space, then run again",
    errno.EDQUOT: "raise the quota, then run again",
    errno.EACCES: "check who owns the folder",
    errno.EPERM: "check who owns the folder",
    errno.EROFS: "choose a writable folder",
    errno.EXDEV: "keep these folders on one file system",
    errno.EIO: "",
}


@pytest.mark.parametrize("number", HINTS)
def test_what_the_disk_said_comes_with_what_to_do(number, tmp_path):
    with pytest.raises(DiskError) as refusal, disk_errors(tmp_path):
        raise OSError(number, os.strerror(number), "/the/very/file")

    assert refusal.value.message == f"/the/very/file: {os.strerror(number)}"
    assert refusal.value.hint == HINTS[number]


def test_an_error_of_the_disk_without_a_number_or_a_file_says_what_it_can(tmp_path):
    with pytest.raises(DiskError, match=f"^{tmp_path}: odd$"), disk_errors(tmp_path):
        raise OSError("odd")


@given(st.binary(max_size=100))
def test_a_digest_is_read_as_it_is_written(data):
    digest = hash_bytes(data).digest

    assert Digest.parse(str(digest)) == digest


def test_a_file_has_the_content_of_its_bytes(tmp_path):
    data = noise((2 << 20) + 1)
    (tmp_path / "file").write_bytes(data)

    assert hash_file(tmp_path / "file") == hash_bytes(data)
