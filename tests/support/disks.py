"""Disks that are small, read-only, overlaid, without locks, or owned by another user."""

import errno
import fcntl
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.hosts.requirements import unavailable

NOBODY = 65534


def written(paths):
    """Return by path which file it is, and when that was last changed; a read changes only the access time."""
    found = {path: path.stat() for path in paths}
    return {path: (status.st_ino, status.st_size, status.st_ctime_ns) for path, status in found.items()}


@contextmanager
def mounted(folder, options):
    """Mount a tmpfs on `folder`; skip the test where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a tmpfs needs root and a kernel that allows it")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def overlaid(folder, on):
    """Move the content of `folder` to the lower layer of an overlay; skip the test where that is not allowed.

    The layers lie in the folder `on`, which must not be on an overlay.
    """
    image, upper, work = (on / name for name in ("image", "upper", "work"))
    shutil.move(folder, image)
    for made in (folder, upper, work):
        made.mkdir()
    options = f"lowerdir={image},upperdir={upper},workdir={work},redirect_dir=off"
    command = ["mount", "-t", "overlay", "-o", options, "overlay", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        unavailable("mounting an overlay needs root and a kernel that allows it")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def lock_nowhere(monkeypatch, number):
    """Let every lock fail with the error number `number`."""

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)


def make_read_only(folder):
    """Remount the disk on `folder` read-only."""
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)


@contextmanager
def foreign_folder():
    """Yield a folder that the user of `as_nobody` can read and not write."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)


def lock_as_on_nfs(monkeypatch):
    """Let locks fail on descriptors that are not open for writing, as on NFS."""
    flock = fcntl.flock

    def on_nfs(descriptor, how):
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", on_nfs)


def as_nobody():
    """Drop root, so that permissions apply; only for a forked process, as it cannot be undone."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
