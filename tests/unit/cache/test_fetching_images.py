"""`cache environment` fetches exactly the images of the version for one Python, once, or nothing."""

import itertools
import shutil
from functools import partial

import pytest
from support.caches import NEW, flip, tree
from support.disks import mounted
from support.images import IMAGES, ImageSite
from support.kills import killed_before_step
from support.processes import race_processes

from diarize_runner.cache.box import read_ahead
from diarize_runner.cache.box.environment_images import ImageQuery, fetch_images, plan_images
from diarize_runner.cache.box.synced_folder import SyncedFolder
from diarize_runner.cache.published.find import LATEST, VersionQuery
from diarize_runner.digests import hash_bytes
from diarize_runner.errors import DiskError, IntegrityError, StoreError
from diarize_runner.progress import NoProgress
from diarize_runner.store.local import LocalStore

FOR_311 = {f"{hash_bytes(data).digest.hex}.squashfs": data for name, data in IMAGES.items() if "cp311" in name}
SIZE = sum(len(data) for data in FOR_311.values())


class MeteredStore(LocalStore):
    """Counts the bytes read by range; the connection breaks after `left` ranges."""

    moved, left = 0, 1000

    def read_range(self, key, offset, length):
        self.left -= 1
        if self.left < 0:
            raise StoreError("connection broken")
        for piece in super().read_range(key, offset, length):
            self.moved += len(piece)
            yield piece


@pytest.fixture(autouse=True)
def _small_ranges(monkeypatch):
    """Make each image of several ranges, more than are read ahead."""
    monkeypatch.setattr(read_ahead, "RANGE", 300)


@pytest.fixture
def site(tmp_path):
    """A site with version 1.0 published, which has images for two Pythons."""
    site = ImageSite(folder=tmp_path / "site")
    site.publish("1.0")
    return site


@pytest.fixture
def into(tmp_path):
    return tmp_path / "into"


def query(python="3.11", **version):
    return ImageQuery(version=VersionQuery(**{"version": LATEST, **version}), python=python)


def fetch(store, into, python="3.11", **version):
    return fetch_images(store, query(python, **version), SyncedFolder(root=into), NoProgress())


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "serial"}


def stored(store, part):
    (found,) = store.root.glob(f"environments/sha256/*/environment-cp311-{part}.squashfs")
    return found


def test_a_fetch_brings_the_images_for_the_python_named_by_their_digests_and_read_only(site, into):
    fetched = fetch(site.store, into)

    assert contents(into) == FOR_311
    assert {path.stat().st_mode & 0o777 for path in into.glob("*.squashfs")} == {0o444}
    assert (fetched.fetched, fetched.moved) == (fetched.plan.images, SIZE)
    assert SyncedFolder(root=into).serial == 1


def status(path):
    """Return what a write would change."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_mode


def test_a_second_fetch_of_images_changes_and_fetches_nothing(site, into):
    fetch(site.store, into)
    before = {path.name: status(path) for path in into.iterdir()}
    store = MeteredStore(site.store.root)

    again = fetch(store, into)

    assert (again.fetched, again.moved, store.moved) == ((), 0, 0)
    assert {path.name: status(path) for path in into.iterdir()} == before


def test_a_plan_lists_the_images_and_writes_nothing(site, into):
    assert [image.part for image in plan_images(site.store, query()).images] == ["cuda", "rest"]
    assert plan_images(site.store, query("3.13")).images == ()
    assert not into.exists()


def test_only_a_missing_or_damaged_image_is_fetched_and_images_of_other_versions_stay(site, into):
    fetch(site.store, into)
    rest = into / f"{hash_bytes(IMAGES['environment-cp311-rest.squashfs']).digest.hex}.squashfs"
    rest.chmod(0o644)
    flip(rest, 100)
    site.publish("1.1", NEW, images={**IMAGES, "environment-cp311-cuda.squashfs": b"newer"})

    again = fetch(site.store, into)

    assert [image.part for image in again.fetched] == ["cuda", "rest"]
    assert contents(into) == {**FOR_311, f"{hash_bytes(b'newer').digest.hex}.squashfs": b"newer"}


def test_an_altered_image_is_refused_and_no_byte_of_it_stays(site, into):
    flip(stored(site.store, "cuda"), 400)

    with pytest.raises(IntegrityError) as refusal:
        fetch(site.store, into)

    key = stored(site.store, "cuda").relative_to(site.store.root)
    assert refusal.value.message == f"{site.store.url}/{key} does not match the digest in its name"
    assert refusal.value.hint.startswith("delete it from the store and publish again")
    assert not into.exists()


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"x"], ids=["truncated", "extended"])
def test_an_image_of_another_length_is_refused_or_cut_to_its_size(change, site, into):
    path = stored(site.store, "cuda")
    path.write_bytes(change(path.read_bytes()))

    if len(path.read_bytes()) > 5000:
        fetch(site.store, into)
        assert contents(into) == FOR_311
    else:
        with pytest.raises((IntegrityError, StoreError)):
            fetch(site.store, into)
        assert [path for path in into.glob("*") if path.suffix == ".squashfs"] == []


def test_after_a_store_error_only_the_rest_is_fetched(site, into):
    store = MeteredStore(site.store.root)
    store.left = 10
    with pytest.raises(StoreError, match=r"^connection broken$"):
        fetch(store, into)
    assert list(into.glob("*.squashfs")) == []

    again = fetch(site.store, into)

    assert SIZE - 10 * 300 <= again.moved < SIZE
    assert contents(into) == FOR_311


def test_damage_in_the_bytes_of_an_interrupted_fetch_is_repaired(site, into):
    store = MeteredStore(site.store.root)
    store.left = 10
    with pytest.raises(StoreError):
        fetch(store, into)
    (partial_file,) = into.glob(".*.incomplete")
    flip(partial_file, 7)

    fetch(site.store, into)

    assert contents(into) == FOR_311


def test_an_image_fetch_killed_at_any_step_is_completed_by_the_next_one(site, into):
    fetch(site.store, into)
    whole = tree(into)

    for step in itertools.count(1):
        shutil.rmtree(into)
        was_killed = killed_before_step(step, partial(fetch, site.store, into))
        for path in into.glob("*.squashfs"):
            assert path.read_bytes() == FOR_311[path.name]
        fetch(site.store, into)
        assert tree(into) == whole
        if not was_killed:
            break

    assert step > 10


def test_what_an_interrupted_fetch_of_another_version_left_is_removed(site, into):
    into.mkdir()
    left = into / f".{'0' * 64}.squashfs.incomplete"
    left.write_bytes(b"half")

    fetch(site.store, into)

    assert not left.exists()


def test_a_full_disk_is_reported_before_anything_is_written(site, tmp_path):
    site.publish("1.1", NEW, images={**IMAGES, "environment-cp311-cuda.squashfs": bytes(3 << 20)})

    with mounted(tmp_path / "disk", "size=2m") as disk:
        with pytest.raises(DiskError, match=r": the images need 3,\d{3},\d{3} bytes and the disk has "):
            fetch(site.store, disk / "into")

        assert tree(disk) == {}


def test_two_concurrent_image_fetches_succeed(site, into):
    assert race_processes([partial(fetch, site.store, into)] * 2) == [None, None]

    assert contents(into) == FOR_311


def test_a_python_without_images_is_an_error_that_says_how_to_build_them(site, into):
    with pytest.raises(StoreError, match=r": version 1.0 has no images for Python 3.13$") as refusal:
        fetch(site.store, into, "3.13")

    assert refusal.value.hint.endswith("cache build --with-environment --python 3.13")
    assert not into.exists()


def test_an_older_latest_with_images_is_refused(site, into):
    shutil.copy(site.store.root / "latest/manifest.json", site.folder / "old")
    site.publish("1.1", NEW)
    fetch(site.store, into)
    shutil.copy(site.folder / "old", site.store.root / "latest/manifest.json")

    with pytest.raises(IntegrityError, match=r"latest has serial 1, but this box last followed 2$"):
        fetch(site.store, into, seen_serial=SyncedFolder(root=into).serial)
