"""Disks as they are on a bad day: full, read-only, or somebody else's."""

import errno
import fcntl
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.hosts.possible import unavailable

NOBODY = 65534


@contextmanager
def mounted(folder, options):
    """Mount a disk of its own, in memory, on `folder`; skip the test where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk takes root and a kernel that lets it")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def overlaid(folder, on):
    """Make what `folder` holds an image's, under an overlay; skip the test where that is not allowed.

    The layers are kept in the folder `on`, which is on no overlay itself.
    """
    image, upper, work = (on / name for name in ("image", "upper", "work"))
    shutil.move(folder, image)
    for made in (folder, upper, work):
        made.mkdir()
    options = f"lowerdir={image},upperdir={upper},workdir={work},redirect_dir=off"
    command = ["mount", "-t", "overlay", "-o", options, "overlay", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        unavailable("mounting an overlay takes root and a kernel that lets it")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def lock_nowhere(monkeypatch, number):
    """Let nothing be locked, for the reason `number`."""

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)


def make_read_only(folder):
    """Remount the disk on `folder` read-only."""
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)


@contextmanager
def foreign_folder():
    """Give a folder that `as_nobody` can look into and cannot write to."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)


def lock_as_on_nfs(monkeypatch):
    """Let nothing be locked that is not open for writing."""
    flock = fcntl.flock

    def on_nfs(descriptor, how):
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", on_nfs)


def as_nobody():
    """Give up root, so that permissions count; for a forked process alone, as there is no way back."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
