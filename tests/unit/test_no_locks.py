"""Without file system locks, as on some NFS mounts, operations that need one fail and change nothing."""

import errno
import os
import runpy

import pytest
from support.caches import tree
from support.disks import lock_nowhere
from support.works import WORKS
from support.works_on_service import SERVICE_WORKS

from diarize_runner.errors import DiskError

UNLOCKED = ("a repair", "a build", "an environment", "an output", "reports", *SERVICE_WORKS)
LOCKED = [name for name in WORKS if name not in UNLOCKED]


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
@pytest.mark.parametrize("name", LOCKED)
def test_operations_that_need_a_lock_fail_and_change_nothing(name, number, tmp_path, monkeypatch):
    work = WORKS[name]
    work.prepare(tmp_path)
    before = tree(tmp_path)
    lock_nowhere(monkeypatch, number)

    with pytest.raises(DiskError) as refusal:
        work.run(tmp_path)

    assert refusal.value.message.endswith(f" cannot be locked: {os.strerror(number)}")
    assert refusal.value.hint.startswith("use a folder on a local disk")
    left = tree(tmp_path)
    assert {path: what for path, what in left.items() if what != "folder"} == {
        path: what for path, what in before.items() if what != "folder"
    }


def test_making_an_environment_without_locks_is_an_error(tmp_path, monkeypatch):
    locked = runpy.run_path("roles/python_env/files/make_environment.py")["locked"]
    lock_nowhere(monkeypatch, errno.ENOLCK)

    refused = pytest.raises(
        SystemExit, match="cannot be locked: No locks available\nhint: use a folder on a local disk"
    )
    with refused, locked(tmp_path / ".lock"):
        pytest.fail("it was not locked")


def test_a_symbolic_link_in_place_of_the_lock_is_not_followed(tmp_path):
    locked = runpy.run_path("roles/python_env/files/make_environment.py")["locked"]
    (tmp_path / ".lock").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OSError, match="symbolic links"), locked(tmp_path / ".lock"):
        pytest.fail("it was opened")

    assert not (tmp_path / "elsewhere").exists()
