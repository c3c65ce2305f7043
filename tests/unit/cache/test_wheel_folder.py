"""`cache wheels` fetches exactly the wheels of the version, once, or nothing."""

import itertools
import shutil
from functools import partial

import pytest
from support.caches import NEW, OLD, Site, edit_json, flip, tree
from support.disks import mounted, written
from support.kills import killed_before_step
from support.processes import race_processes
from support.wheels import FOR_311, WHEELS, WheelSite

from diarize_runner.cache.box.restore import plan_restore
from diarize_runner.cache.box.synced_folder import SyncedFolder
from diarize_runner.cache.box.wheel_folder import WheelQuery, fetch_wheels
from diarize_runner.cache.documents.manifest import INSTALLER_NAME, REQUIREMENTS_NAME
from diarize_runner.cache.documents.pins import Target
from diarize_runner.cache.published.catalogue import rollback
from diarize_runner.cache.published.find import LATEST, VersionQuery
from diarize_runner.cache.published.publish import publish
from diarize_runner.cache.published.signature import read_private_key, write_keys
from diarize_runner.digests import hash_bytes
from diarize_runner.errors import DiskError, IntegrityError, ManifestError, ObjectNotFound, StoreError
from diarize_runner.progress import NoProgress
from diarize_runner.store.local import LocalStore

SPEECH = "speech-1.0-cp311-cp311-manylinux_2_28_x86_64.whl"
BESIDE = {REQUIREMENTS_NAME, INSTALLER_NAME, "serial"}


class MeteredStore(LocalStore):
    """Counts the bytes read by range; the connection breaks after `left` objects."""

    moved, left = 0, 1000

    def read_range(self, key, offset, length):
        self.left -= 1
        if self.left < 0:
            raise StoreError("connection broken")
        for piece in super().read_range(key, offset, length):
            self.moved += len(piece)
            yield piece


@pytest.fixture
def site(tmp_path):
    """A site with version 1.0 published, which carries wheels for two Pythons."""
    site = WheelSite(folder=tmp_path / "site")
    site.publish("1.0")
    return site


@pytest.fixture
def into(tmp_path):
    return tmp_path / "into"


def fetch(store, into, python="3.11", **query):
    version = VersionQuery(**{"version": LATEST, **query})
    return fetch_wheels(
        store, WheelQuery(version=version, target=Target(python=python)), SyncedFolder(root=into), NoProgress()
    )


def stored(store, name):
    (found,) = store.root.glob(f"wheels/sha256/*/{name}")
    return found


def test_a_fetch_brings_the_wheels_for_the_python_the_toolkit_and_both_requirements(site, into):
    fetched = fetch(site.store, into)

    assert {path.name for path in into.iterdir()} == FOR_311 | BESIDE
    for wheel in fetched.wheels:
        assert hash_bytes((into / wheel.name).read_bytes()) == wheel.content == hash_bytes(WHEELS[wheel.name])
    for name in (REQUIREMENTS_NAME, INSTALLER_NAME):
        assert (into / name).read_bytes() == (site.built("1.0") / name).read_bytes()
    assert (fetched.changed, fetched.fetched, fetched.published.serial) == (True, fetched.wheels, 1)


def test_a_second_fetch_of_wheels_changes_and_fetches_nothing(site, into):
    fetch(site.store, into)
    before = written(into.iterdir())
    store = MeteredStore(site.store.root)

    again = fetch(store, into)

    assert (again.changed, again.fetched, store.moved) == (False, (), 0)
    assert written(into.iterdir()) == before


def test_only_missing_or_damaged_wheels_are_fetched_and_other_files_stay(site, into):
    fetch(site.store, into)
    (into / "own-1.0-py3-none-any.whl").write_bytes(b"own")
    flip(into / SPEECH, 100)
    store = MeteredStore(site.store.root)

    again = fetch(store, into, python="3.12")

    assert [wheel.name for wheel in again.fetched] == [SPEECH.replace("311", "312")]
    assert store.moved == len(WHEELS[SPEECH.replace("311", "312")])
    assert [wheel.name for wheel in fetch(site.store, into).fetched] == [SPEECH]
    assert (into / "own-1.0-py3-none-any.whl").read_bytes() == b"own"


def test_a_rebuilt_toolkit_with_the_same_name_replaces_the_old_one(site, into):
    fetch(site.store, into)
    toolkit = "diarize_runner-0.1.0-py3-none-any.whl"
    site.publish("1.1", NEW, {**WHEELS, toolkit: b"rebuilt"})

    assert [wheel.name for wheel in fetch(site.store, into).fetched] == [toolkit]

    assert (into / toolkit).read_bytes() == b"rebuilt"


@pytest.mark.parametrize("exists", [False, True], ids=["a new folder", "a folder with wheels of 1.0"])
def test_an_altered_wheel_is_refused_and_the_folder_is_unchanged(exists, site, into):
    if exists:
        fetch(site.store, into)
    site.publish("1.1", NEW, {**WHEELS, "other-1.0-py3-none-any.whl": b"other", "third-1.0-py3-none-any.whl": b"third"})
    before = tree(into)
    flip(stored(site.store, "other-*"), 2)

    with pytest.raises(IntegrityError) as refusal:
        fetch(site.store, into)

    key = stored(site.store, "other-*").relative_to(site.store.root)
    assert refusal.value.message == f"{site.store.url}/{key} does not match the digest in its name"
    assert refusal.value.hint.startswith("delete it from the store and publish again: it was altered or truncated")
    assert tree(into) == before
    assert into.exists() is exists


@pytest.mark.parametrize("name", [REQUIREMENTS_NAME, INSTALLER_NAME])
def test_altered_requirements_are_refused_and_nothing_is_written(name, site, into):
    flip(site.store.root / "v1.0" / name, 3)

    with pytest.raises(IntegrityError, match=f"/v1.0/{name} does not match the manifest$"):
        fetch(site.store, into)

    assert not into.exists()


def test_a_wheel_missing_from_the_store_is_named(site, into):
    stored(site.store, SPEECH).unlink()

    with pytest.raises(ObjectNotFound, match=f" has no wheels/sha256/[0-9a-f]+/{SPEECH}$"):
        fetch(site.store, into)


def test_a_wheel_fetch_killed_at_any_step_is_completed_by_the_next_one(site, into):
    fetch(site.store, into)
    whole = tree(into)

    for step in itertools.count(1):
        shutil.rmtree(into)
        was_killed = killed_before_step(step, partial(fetch, site.store, into))
        for path in into.glob("*.whl"):
            assert path.read_bytes() == WHEELS[path.name]
        fetch(site.store, into)
        assert tree(into) == whole
        if not was_killed:
            break

    assert step > 15


def test_complete_wheels_are_not_fetched_again_after_a_store_error(site, into):
    store = MeteredStore(site.store.root)
    store.left = 2
    with pytest.raises(StoreError, match=r"^connection broken$"):
        fetch(store, into)
    assert list(into.glob("*.whl")) == []

    again = fetch(site.store, into)

    assert len(again.fetched) == len(again.wheels) - 2
    assert {path.name for path in into.iterdir()} == FOR_311 | BESIDE


def test_a_store_error_before_the_first_wheel_leaves_no_folder(site, into):
    store = MeteredStore(site.store.root)
    store.left = 0

    with pytest.raises(StoreError, match=r"^connection broken$"):
        fetch(store, into)

    assert not into.exists()


def test_a_full_disk_leaves_the_wheel_folder_unchanged(site, tmp_path):
    site.publish("1.1", NEW, {**WHEELS, "large-1.0-py3-none-any.whl": bytes(3 << 20)})

    with mounted(tmp_path / "disk", "size=2m") as disk:
        with pytest.raises(DiskError, match=r": the wheels need 3,\d{3},\d{3} bytes and the disk has "):
            fetch(site.store, disk / "into")

        assert tree(disk) == {}


def test_two_concurrent_wheel_fetches_succeed(site, into):
    assert race_processes([partial(fetch, site.store, into)] * 2) == [None, None]

    assert {path.name for path in into.iterdir()} == FOR_311 | BESIDE


def test_a_version_without_wheels_is_an_error_with_a_hint(site, into):
    (site.store.root / "latest" / "manifest.json").unlink()
    Site.build(site, "2.0", OLD)
    site.publish_built("2.0")

    with pytest.raises(StoreError, match=f"^{site.store.url}: version 2.0 carries no wheels$") as refusal:
        fetch(site.store, into)

    assert refusal.value.hint == "build a new version with wheels: diarize-runner cache build --with-wheels"
    assert not into.exists()


def test_a_python_without_wheels_in_the_version_is_refused(site, into):
    with pytest.raises(StoreError, match=r"^the version has no wheel of speech 1.0 for Python 3.13$") as refusal:
        fetch(site.store, into, python="3.13")

    assert refusal.value.hint.endswith("cache build --with-wheels --python 3.13")
    assert not into.exists()


class TestLatest:
    def test_an_older_latest_is_refused_until_it_is_allowed(self, site, into):
        shutil.copy(site.store.root / "latest/manifest.json", site.folder / "old")
        site.publish("1.1", NEW)
        fetch(site.store, into)
        shutil.copy(site.folder / "old", site.store.root / "latest/manifest.json")

        with pytest.raises(IntegrityError, match=r"latest has serial 1, but this box last followed 2$"):
            fetch(site.store, into, seen_serial=SyncedFolder(root=into).serial)

        assert fetch(site.store, into).published.manifest.version == "1.0"

    def test_a_rollback_is_followed(self, site, into):
        site.publish("1.1", NEW)
        fetch(site.store, into)
        rollback(site.store, None)

        again = fetch(site.store, into, seen_serial=SyncedFolder(root=into).serial)

        assert (again.published.manifest.version, SyncedFolder(root=into).serial) == ("1.0", 3)

    def test_a_version_without_a_signature_of_the_key_is_refused(self, site, into):
        private, public = site.folder / "team.key", site.folder / "team.pub"
        write_keys(private, public)
        with pytest.raises(IntegrityError, match=r": latest is not signed, but a signature is required$"):
            fetch(site.store, into, public_key=public)
        assert not into.exists()

        manifest = site.build("1.1", NEW)
        (site.built("1.1") / "manifest.json.sig").write_bytes(read_private_key(private).sign(manifest.to_bytes()))
        publish(site.built("1.1"), site.store, NoProgress(), read_private_key(private))

        assert fetch(site.store, into, public_key=public).changed


def test_a_restore_fetches_no_wheel(site):
    other = WheelSite(folder=site.folder / "other")
    Site.build(other, "1.0", OLD)
    other.publish_built("1.0")

    plans = [plan_restore(each.store, VersionQuery(version=LATEST), each.box, NoProgress()) for each in (site, other)]

    assert plans[0].bytes_to_move == plans[1].bytes_to_move > 0
    assert plans[0].bytes_to_write == plans[1].bytes_to_write
    site.restore()
    assert not list(site.box.root.rglob("*.whl"))


def test_an_invalid_wheel_file_name_is_refused(site, into):
    manifest = site.store.root / "v1.0" / "manifest.json"
    edit_json(
        manifest, lambda document: document["sections"]["wheels"]["files"][0].update(name="odd-one-py3-none-any.whl")
    )

    with pytest.raises(ManifestError, match=r"^'odd-one-py3-none-any.whl' is not the file name of a wheel$"):
        fetch(site.store, into, version="1.0")

    assert not into.exists()
