"""A version is copied whole from store to store: verified, resumable, its manifest last, `latest` still signed."""

import errno
import itertools
import json
import os
import shutil
from functools import partial

import pytest
from support.caches import NEW, OLD, flip, tree
from support.kills import killed_before_step
from support.wheels import WHEELS, WheelSite

from diarize_runner.cache.box.folder import BoxFolder
from diarize_runner.cache.box.restore import restore
from diarize_runner.cache.documents.manifest import ARCHIVE_NAME, MANIFEST_NAME, REQUIREMENTS_NAME, SIGNATURE_NAME
from diarize_runner.cache.published.catalogue import plan_prune, prune, rollback
from diarize_runner.cache.published.copy_version import copy_version
from diarize_runner.cache.published.find import LATEST, VersionQuery
from diarize_runner.cache.published.keys import published_versions
from diarize_runner.cache.published.latest import copy_latest, read_latest
from diarize_runner.cache.published.publish import publish
from diarize_runner.cache.published.signature import read_private_key, write_keys
from diarize_runner.errors import (
    IntegrityError,
    ObjectExists,
    ObjectNotFound,
    StoreError,
    UnsupportedFormat,
    UsageError,
)
from diarize_runner.progress import NoProgress
from diarize_runner.store.local import LocalStore


@pytest.fixture
def site(tmp_path):
    """A build host and a store with version 1.0, which carries wheels."""
    site = WheelSite(folder=tmp_path / "site")
    site.publish("1.0")
    return site


@pytest.fixture
def usb(tmp_path):
    """An empty store on another disk."""
    return LocalStore(tmp_path / "usb")


def copy(site, store, version=LATEST, key=None):
    """Copy a version and, if it names that version, the pointer."""
    copied = copy_version(site.store, store, VersionQuery(version=version, public_key=key), NoProgress())
    return copied, copy_latest(site.store, store, copied.manifest.version, key)


def objects(store):
    return {path: kind for path, kind in tree(store.root).items() if kind != "folder"}


def states(store):
    return {path: path.stat().st_mtime_ns for path in store.root.rglob("*") if path.is_file()}


def test_the_copy_of_a_store_with_one_version_is_the_same_store(site, usb):
    copied, latest = copy(site, usb)

    assert objects(usb) == objects(site.store)
    assert (copied.objects, len(copied.moved), latest.changed) == (len(WHEELS) + 4, len(WHEELS) + 4, True)


def test_a_box_restores_from_the_copy(site, usb, tmp_path):
    copy(site, usb)

    restored = restore(usb, VersionQuery(version=LATEST), BoxFolder(root=tmp_path / "box"), NoProgress())

    assert restored.plan.manifest.version == "1.0"


def test_a_second_copy_writes_nothing(site, usb):
    copy(site, usb)
    before = states(usb)

    copied, latest = copy(site, usb)

    assert (copied.changed, copied.moved, latest.changed) == (False, (), False)
    assert states(usb) == before


def test_only_what_is_new_of_the_next_version_is_copied(site, usb):
    copy(site, usb)
    site.publish("1.1", NEW, {**WHEELS, "fresh-1.0-py3-none-any.whl": b"fresh"})

    copied, latest = copy(site, usb)

    assert len(copied.moved) == 1 + 4
    assert (latest.pointer.version, latest.pointer.previous) == ("1.1", "1.0")
    assert objects(usb) == objects(site.store)


def test_an_older_version_is_copied_without_latest(site, usb):
    site.publish("1.1", NEW)

    copied, latest = copy(site, usb, "1.0")

    assert (copied.manifest.version, latest) == ("1.0", None)
    assert published_versions(usb) == ["1.0"]
    assert read_latest(usb) is None
    assert rollback(usb, "1.0").pointer.version == "1.0"


def test_a_copy_killed_at_any_step_shows_no_incomplete_version_and_the_next_finishes_it(tmp_path, usb):
    site = WheelSite(folder=tmp_path / "small")
    site.publish("1.0", wheels={"tool-3.0-py3-none-any.whl": b"tool"})
    for step in itertools.count(1, 4):  # every fourth: seconds instead of half a minute
        shutil.rmtree(usb.root, ignore_errors=True)
        was_killed = killed_before_step(step, partial(copy, site, usb))
        if usb.root.exists() and published_versions(usb):
            assert {path for path in objects(site.store) if not path.startswith("latest/")} <= set(objects(usb))
        copy(site, usb)
        assert {path: kind for path, kind in objects(usb).items() if ".partial-" not in path} == objects(site.store)
        if not was_killed:
            break

    assert step > 30


OBJECTS = [f"v1.0/{ARCHIVE_NAME}", f"v1.0/{REQUIREMENTS_NAME}", "a wheel"]


def path_of(store, key):
    return next(store.root.rglob("tool-*.whl")) if key == "a wheel" else store.root / key


@pytest.mark.parametrize("key", OBJECTS)
@pytest.mark.parametrize("damage", ["changed", "shorter", "longer", "missing"])
def test_a_damaged_object_of_the_source_is_not_copied(site, usb, key, damage):
    path = path_of(site.store, key)
    if damage == "changed":
        flip(path, 5)
    elif damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1] if damage == "shorter" else path.read_bytes() + b"!")

    with pytest.raises((IntegrityError, ObjectNotFound)) as caught:
        copy(site, usb)

    name = path.relative_to(site.store.root)
    assert str(name) in caught.value.message
    assert published_versions(usb) == []
    assert read_latest(usb) is None
    assert not (usb.root / name).exists()


@pytest.mark.parametrize("key", OBJECTS)
@pytest.mark.parametrize("complete", [True, False])
def test_a_damaged_object_of_the_target_is_reported_and_never_overwritten(site, usb, key, complete):
    copy(site, usb)
    if not complete:
        (usb.root / "v1.0" / MANIFEST_NAME).unlink()
    path = path_of(usb, key)
    flip(path, 5)
    before = objects(usb)

    with pytest.raises(IntegrityError, match=r" differs from its manifest$") as caught:
        copy(site, usb)

    assert caught.value.message.startswith(usb.url)
    assert caught.value.hint == "delete it there, then run again"
    assert objects(usb) == before
    path.unlink()
    copy(site, usb)
    assert objects(usb) == objects(site.store)


def test_another_version_of_the_same_name_is_refused(site, usb, tmp_path):
    other = WheelSite(folder=tmp_path / "other")
    other.build("1.0", NEW)
    publish(other.built("1.0"), usb, NoProgress())
    before = objects(usb)

    with pytest.raises(ObjectExists, match=r" already has a different version 1\.0$"):
        copy(site, usb)

    assert objects(usb) == before


def test_a_version_with_parts_that_this_release_does_not_know_is_refused(site, usb):
    path = site.store.root / "v1.0" / MANIFEST_NAME
    document = json.loads(path.read_bytes())
    document["sections"]["voices"] = {}
    path.write_text(json.dumps(document, indent=2) + "\n")

    with pytest.raises(UnsupportedFormat, match=r"^version 1\.0 has unknown sections: voices$"):
        copy(site, usb, "1.0")

    assert not usb.root.exists()


def test_an_interrupted_prune_of_the_target_is_finished_first(site, usb):
    copy(site, usb)
    (usb.root / "v1.0" / MANIFEST_NAME).rename(usb.root / "v1.0/manifest.json.pruned")
    flip(usb.root / "v1.0" / ARCHIVE_NAME, 5)

    copy(site, usb)

    assert objects(usb) == objects(site.store)


def test_a_prune_of_the_target_stops_the_copy_before_any_wheel(site, usb):
    usb.swap("wheels/pruning", b"", expected=None)

    with pytest.raises(StoreError, match=r"a prune is deleting wheels or images$"):
        copy(site, usb)

    assert not list(usb.root.rglob("*.whl"))


def test_a_prune_after_the_copy_keeps_its_wheels(site, usb):
    copy(site, usb)

    prune(usb, plan_prune(usb, 1))

    assert objects(usb) == objects(site.store)


class TestLatest:
    def test_a_target_that_is_ahead_keeps_its_latest(self, site, usb):
        copy(site, usb)
        site.publish("1.1", NEW)
        copy(site, usb)
        for version in ("1.0", "1.1", "1.0"):
            rollback(usb, version)
        site.publish("1.2", OLD)
        serial = read_latest(usb).serial

        with pytest.raises(
            StoreError, match=rf"version 1\.2 is copied, but latest has serial {serial} there, which 3 "
        ):
            copy(site, usb)

        assert (read_latest(usb).version, read_latest(usb).serial) == ("1.0", serial)
        assert rollback(usb, "1.2").pointer.version == "1.2"

    def test_copies_beside_latest_are_finished_by_the_next_copy(self, site, usb):
        copy(site, usb)
        (usb.root / "latest" / ARCHIVE_NAME).write_bytes(b"old")

        _, latest = copy(site, usb)

        assert not latest.changed
        assert objects(usb) == objects(site.store)


@pytest.fixture
def keys(tmp_path):
    pair = tmp_path / "team.key", tmp_path / "team.pub"
    write_keys(*pair)
    return pair


@pytest.fixture
def signed(site, keys):
    """The site, with the signed version 2.0."""
    site.build("2.0", NEW)
    key = read_private_key(keys[0])
    (site.built("2.0") / SIGNATURE_NAME).write_bytes(key.sign((site.built("2.0") / MANIFEST_NAME).read_bytes()))
    publish(site.built("2.0"), site.store, NoProgress(), key)
    return site


class TestSigned:
    def test_a_signed_version_and_latest_stay_signed(self, signed, usb, keys, tmp_path):
        copy(signed, usb, key=keys[1])

        query = VersionQuery(version=LATEST, public_key=keys[1], seen_serial=1)
        assert restore(usb, query, BoxFolder(root=tmp_path / "box"), NoProgress()).plan.manifest.version == "2.0"
        for key in ("latest/manifest.json", f"v2.0/{SIGNATURE_NAME}"):
            assert usb.read(key).data == signed.store.read(key).data

    def test_what_the_key_did_not_sign_is_not_copied(self, signed, usb, keys, tmp_path):
        write_keys(tmp_path / "other.key", tmp_path / "other.pub")

        for version, key in ((LATEST, tmp_path / "other.pub"), ("2.0", tmp_path / "other.pub"), ("1.0", keys[1])):
            with pytest.raises(IntegrityError, match="signed"):
                copy(signed, usb, version, key)

        assert not usb.root.exists()

    def test_an_unsigned_latest_does_not_replace_a_signed_one(self, signed, usb, tmp_path):
        copy(signed, usb)
        unsigned = WheelSite(folder=tmp_path / "unsigned")
        for version in ("3.0", "3.1", "3.2"):
            unsigned.publish(version, OLD)

        with pytest.raises(UsageError, match=r"latest is signed, but the next one would not be$"):
            copy(unsigned, usb)

        assert read_latest(usb).version == "2.0"


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP])
def test_a_disk_without_hard_links_holds_a_store(site, usb, number, monkeypatch):
    """FAT and exFAT refuse link(2): https://docs.kernel.org/filesystems/vfat.html."""

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    copy(site, usb)
    assert objects(usb) == objects(site.store)

    with pytest.raises(ObjectExists):
        usb.create(f"v1.0/{MANIFEST_NAME}", site.built("1.0") / ARCHIVE_NAME)
    assert objects(usb) == objects(site.store)
