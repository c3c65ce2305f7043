"""A cache that another user of the machine can change is not loaded."""

import os
import sys

import pytest
from support.caches import PIPELINE, Site, flip, published

from diarize_runner.cache.box import ownership
from diarize_runner.cache.box.ownership import require_trusted_folder
from diarize_runner.cache.documents import layout
from diarize_runner.errors import DiskError, IntegrityError, UntrustedFolder

ANOTHER = 12345
"""The number of a user who is neither root nor the user of the tests."""


@pytest.fixture
def root(tmp_path, monkeypatch):
    """The folder of a cache, three levels deep in a private folder, with the program elsewhere."""
    monkeypatch.setattr(ownership, "_program_parents", set)
    folder = tmp_path / "box/versions/1"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    for path in (tmp_path, *folder.parents, folder, folder / "manifest.json"):
        if path.is_relative_to(tmp_path):
            path.chmod(0o755)
    require_trusted_folder(folder)
    return folder


PLACES = {
    "the manifest": "manifest.json",
    "its folder": ".",
    "the folder of all versions": "..",
    "the box's folder": "../..",
    "a folder above it": "../../..",
}


@pytest.mark.parametrize("mode", [0o777, 0o757, 0o775], ids=oct)
@pytest.mark.parametrize("place", PLACES.values(), ids=list(PLACES))
def test_a_path_that_others_can_write_is_refused(root, monkeypatch, place, mode):
    path = (root / place).resolve()
    path.chmod(mode)
    if mode == 0o775:
        owned = path.stat()
        if owned.st_gid in (0, owned.st_uid):
            require_trusted_folder(root)
            give(path, gid=ANOTHER)

    with pytest.raises(UntrustedFolder) as caught:
        require_trusted_folder(root)

    assert caught.value.message == f"{path} is writable by other users, who could change the models"
    assert caught.value.hint == f"run: chmod go-w {path}"
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("place", PLACES.values(), ids=list(PLACES))
def test_a_path_that_belongs_to_another_user_is_refused(root, place):
    path = (root / place).resolve()
    give(path, uid=ANOTHER)

    with pytest.raises(UntrustedFolder, match=rf"^{path} belongs to user {ANOTHER}, who could change the models$"):
        require_trusted_folder(root)


def give(path, uid=-1, gid=-1):
    if os.geteuid():
        pytest.skip("only root can give files away")
    os.chown(path, uid, gid)


def test_a_parent_folder_may_be_sticky_like_tmp(root):
    """Users who can write there can neither rename nor remove files of others."""
    (root / "../../..").resolve().chmod(0o1777)

    require_trusted_folder(root)


def test_a_link_to_a_cache_is_resolved_before_the_check(root, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(root)
    root.parent.chmod(0o777)

    with pytest.raises(UntrustedFolder, match=rf"^{root.parent} is writable"):
        require_trusted_folder(link)


def test_folders_above_the_program_are_not_checked(root, tmp_path, monkeypatch):
    """In a container, root works in a folder of the user who started it."""
    tmp_path.chmod(0o777)
    give(tmp_path, uid=ANOTHER)
    give(root, uid=ANOTHER)
    monkeypatch.setattr(ownership, "_program_parents", lambda: {tmp_path, *tmp_path.parents})

    require_trusted_folder(root)


def test_the_program_includes_the_package_and_the_environment():
    parents = ownership._program_parents()

    assert {ownership.Path(sys.prefix).resolve(), ownership.Path(ownership.__file__).resolve().parent} <= parents


def test_a_missing_cache_is_a_disk_error(root):
    with pytest.raises(DiskError):
        require_trusted_folder(root / "nowhere")


def test_a_restore_writes_through_no_link_of_another_user(tmp_path):
    """In a writable folder, another user can put a link at the path of the manifest."""
    site = Site(folder=tmp_path / "site")
    site.publish()
    victim = tmp_path / "victim"
    victim.write_text("precious")
    planted = site.box.staging_folder(published(site.store).digest) / "manifest.json"
    planted.parent.mkdir(parents=True)
    planted.symlink_to(victim)
    site.box.root.chmod(0o777)

    with pytest.raises(UntrustedFolder, match=r"box is writable by other users, who could change the models$"):
        site.restore()

    assert victim.read_text() == "precious"
    site.box.root.chmod(0o755)
    site.restore()
    assert victim.read_text() == "precious", "also in a private folder"


def test_a_blob_changed_through_a_hard_link_is_refused(tmp_path):
    """Hard links share their bytes, so a write to another link changes the cache."""
    site = Site(folder=tmp_path / "site")
    site.publish()
    cache = site.restore().cache
    (file, *_) = (file for file in cache.pipeline_repo.files if file.content.size)
    blob = cache.root / layout.blob_path(PIPELINE, file.content.digest)
    blob.chmod(0o666)
    os.link(blob, tmp_path / "elsewhere")
    assert cache.read(cache.pipeline_repo, file) == blob.read_bytes()
    flip(tmp_path / "elsewhere", 0)

    with pytest.raises(IntegrityError, match=r"has changed since it was verified$"):
        cache.read(cache.pipeline_repo, file)
