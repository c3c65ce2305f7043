"""A cache that another user of the machine could change is not loaded."""

import os
import sys

import pytest
from support.caches import PIPELINE, Site, flip, published

from diarize_runner.cache.box import ownership
from diarize_runner.cache.box.ownership import require_unchangeable
from diarize_runner.cache.documents import layout
from diarize_runner.errors import DiskError, IntegrityError, UntrustedFolder

ANOTHER = 12345
"""A user who is neither root nor whoever runs the tests."""


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A cache's folder, three levels down in one that nobody else can write to; the program lies elsewhere."""
    monkeypatch.setattr(ownership, "_above_the_program", set)
    folder = tmp_path / "box/versions/1"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    for path in (tmp_path, *folder.parents, folder, folder / "manifest.json"):
        if path.is_relative_to(tmp_path):
            path.chmod(0o755)
    require_unchangeable(folder)
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
def test_what_others_can_write_is_refused(root, monkeypatch, place, mode):
    path = (root / place).resolve()
    path.chmod(mode)
    if mode == 0o775:
        owned = path.stat()
        if owned.st_gid in (0, owned.st_uid):
            require_unchangeable(root)
            give(path, gid=ANOTHER)

    with pytest.raises(UntrustedFolder) as caught:
        require_unchangeable(root)

    assert caught.value.message == f"{path} can be written by others, who could change the models"
    assert caught.value.hint == f"chmod go-w {path}, and verify again"
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("place", PLACES.values(), ids=list(PLACES))
def test_what_belongs_to_somebody_else_is_refused(root, place):
    path = (root / place).resolve()
    give(path, uid=ANOTHER)

    with pytest.raises(UntrustedFolder, match=rf"^{path} belongs to user {ANOTHER}, who could change the models$"):
        require_unchangeable(root)


def give(path, uid=-1, gid=-1):
    if os.geteuid():
        pytest.skip("only root can give files away")
    os.chown(path, uid, gid)


def test_a_folder_like_tmp_may_lie_above(root):
    """Who can write there can neither rename nor remove what is another's."""
    (root / "../../..").resolve().chmod(0o1777)

    require_unchangeable(root)


def test_a_link_is_followed_before_anything_is_looked_at(root, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(root)
    root.parent.chmod(0o777)

    with pytest.raises(UntrustedFolder, match=rf"^{root.parent} can be written"):
        require_unchangeable(link)


def test_a_folder_that_the_program_lies_in_is_no_worse_than_the_program(root, tmp_path, monkeypatch):
    """As in a container, where root works in a folder of the user who started it."""
    tmp_path.chmod(0o777)
    give(tmp_path, uid=ANOTHER)
    give(root, uid=ANOTHER)
    monkeypatch.setattr(ownership, "_above_the_program", lambda: {tmp_path, *tmp_path.parents})

    require_unchangeable(root)


def test_the_program_is_the_package_and_the_environment():
    above = ownership._above_the_program()

    assert {ownership.Path(sys.prefix).resolve(), ownership.Path(ownership.__file__).resolve().parent} <= above


def test_a_cache_that_is_gone_is_a_disk_error(root):
    with pytest.raises(DiskError):
        require_unchangeable(root / "nowhere")


def test_a_restore_writes_through_no_link_that_another_user_planted(tmp_path):
    """In a folder that anybody can write to, somebody may have put a link where a restore writes its manifest."""
    site = Site(folder=tmp_path / "site")
    site.publish()
    victim = tmp_path / "victim"
    victim.write_text("precious")
    planted = site.box.staging(published(site.store).digest) / "manifest.json"
    planted.parent.mkdir(parents=True)
    planted.symlink_to(victim)
    site.box.root.chmod(0o777)

    with pytest.raises(UntrustedFolder, match=r"box can be written by others, who could change the models$"):
        site.restore()

    assert victim.read_text() == "precious"
    site.box.root.chmod(0o755)
    site.restore()
    assert victim.read_text() == "precious", "nor where nobody else can write"


def test_a_blob_with_another_name_elsewhere_is_loaded_as_published_or_not_at_all(tmp_path):
    """Hard links share their bytes: who has one of another name, and may write to it, changes the cache."""
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
