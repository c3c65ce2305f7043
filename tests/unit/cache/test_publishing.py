"""Published objects never change, the manifest comes last, and `latest` is always complete."""

import itertools
import random
import shutil
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from support.caches import (
    LARGE,
    NEW,
    OLD,
    TINY,
    Site,
    edit_json,
    flip,
    published,
    tree,
    with_file,
)
from support.disks import as_nobody, foreign_folder, make_read_only, mounted
from support.kills import killed_after, killed_before_step
from support.processes import finished, race_processes, race_threads, start

from diarize_runner.cache.documents.manifest import ARCHIVE_NAME, MANIFEST_NAME, REQUIREMENTS_NAME
from diarize_runner.cache.documents.pointer import Pointer
from diarize_runner.cache.published.find import LATEST
from diarize_runner.cache.published.keys import published_versions
from diarize_runner.cache.published.publish import publish
from diarize_runner.digests import hash_file
from diarize_runner.errors import (
    IntegrityError,
    ManifestError,
    ObjectExists,
    ObjectNotFound,
    StoreError,
    SwapConflict,
)
from diarize_runner.progress import NoProgress
from diarize_runner.store.local import LocalStore

NEWER = with_file(TINY, "config.yaml", b"version: 4.0.1\n")


def pointer_in(store):
    return Pointer.from_bytes(store.read("latest/manifest.json").data, "latest/manifest.json")


def objects(store):
    return {path: kind for path, kind in tree(store.root).items() if kind != "folder"}


def test_a_version_is_published_under_its_name_and_as_the_latest(site):
    published = site.publish("1.0")

    built, stored = tree(site.built("1.0")), objects(site.store)
    assert {f"v1.0/{name}": built[name] for name in built} == {
        path: content for path, content in stored.items() if path.startswith("v1.0/")
    }
    copies = {f"latest/{name}": built[name] for name in (ARCHIVE_NAME, REQUIREMENTS_NAME)}
    assert copies.items() <= stored.items()
    assert set(stored) == {*copies, "latest/manifest.json", *(f"v1.0/{name}" for name in built)}
    assert published.changed
    assert published.pointer == pointer_in(site.store)
    assert (published.pointer.serial, published.pointer.version) == (1, "1.0")


def test_latest_has_the_digest_of_the_built_manifest(site):
    manifest = site.build("1.0")
    site.publish_built("1.0")

    assert published(site.store, LATEST) == manifest
    assert published(site.store, "1.0") == manifest


def test_publishing_the_same_version_again_writes_nothing(site):
    def written():
        return {path: path.stat().st_mtime_ns for path in site.store.root.rglob("*") if path.is_file()}

    first = site.publish("1.0")
    before, files = objects(site.store), written()

    again = site.publish_built("1.0")

    assert (first.changed, again.changed) == (True, False)
    assert again.pointer == first.pointer
    assert objects(site.store) == before
    assert written() == files


def test_publishing_the_same_version_again_downloads_no_large_object(site):
    class Far:
        """A remote store: hashing an object downloads it."""

        def __getattr__(self, name):
            return getattr(site.store, name)

        def digest(self, key):
            assert "manifest.json" in key
            return site.store.digest(key)

    site.publish("1.0")

    assert not publish(site.built("1.0"), Far(), NoProgress()).changed


@pytest.mark.parametrize("name", [ARCHIVE_NAME, REQUIREMENTS_NAME])
def test_files_left_by_a_killed_publish_must_be_of_the_same_version(name, site, tmp_path):
    site.publish("1.0")
    (site.store.root / "v1.0" / MANIFEST_NAME).unlink()
    flip(site.store.root / "v1.0" / name, 5)
    before = objects(site.store)

    with pytest.raises(ObjectExists, match=f" already has v1.0/{name}$"):
        site.publish_built("1.0")

    assert objects(site.store) == before


def test_publishing_a_rebuilt_version_changes_nothing(site):
    site.publish("1.0")
    shutil.rmtree(site.built("1.0"))

    assert not site.publish("1.0").changed


def test_the_serial_rises_only_when_the_pointer_changes(site):
    site.build("1.0")
    site.build("1.1", NEWER)
    site.build("2.0")

    serials = [
        site.publish_built(version).pointer.serial for version in ("1.0", "1.0", "1.1", "2.0", "2.0", "1.0", "1.1")
    ]

    assert serials == [1, 1, 2, 3, 3, 4, 5]
    assert pointer_in(site.store).version == "1.1"
    assert sorted(published_versions(site.store)) == ["1.0", "1.1", "2.0"]


@pytest.mark.parametrize("name", [ARCHIVE_NAME, REQUIREMENTS_NAME, MANIFEST_NAME])
def test_different_content_for_a_published_version_is_refused_and_changes_nothing(name, site, tmp_path):
    site.publish("1.0")
    before = objects(site.store)
    other = Site(folder=tmp_path / "other")
    if name == ARCHIVE_NAME:
        other.build("1.0", NEWER)
    else:
        other.build("1.0")
        request = other.folder / "requirements.txt"
        request.write_text("torch==0\n")
        alter = {REQUIREMENTS_NAME: alter_requirements, MANIFEST_NAME: alter_manifest}[name]
        alter(other.built("1.0"))

    with pytest.raises(ObjectExists) as refusal:
        publish(other.built("1.0"), site.store, NoProgress())

    assert refusal.value.message == f"{site.store.url} already has a different version 1.0"
    assert refusal.value.hint == "build with a new --version"
    assert objects(site.store) == before


def alter_requirements(folder):
    """Turn the build into a different complete version, with other requirements."""
    path = folder / REQUIREMENTS_NAME
    path.write_text("torch==0\n")
    content = hash_file(path)
    described = {"size": content.size, "digest": str(content.digest)}
    edit_json(folder / MANIFEST_NAME, lambda manifest: manifest["requirements"].update(described))


def alter_manifest(folder):
    """Turn the build into a different complete version, of another release."""
    edit_json(folder / MANIFEST_NAME, lambda manifest: manifest.update(created_by="diarize-runner 9.9.9"))


def test_a_changed_build_is_never_published(site):
    site.build("1.0")
    flip(site.built("1.0") / ARCHIVE_NAME, 5000)

    with pytest.raises(IntegrityError, match=r"huggingface-cache.tar.gz is missing or differs from the manifest$"):
        site.publish_built("1.0")

    assert not site.store.root.exists()


def test_an_unfinished_build_is_never_published(site):
    site.build("1.0")
    (site.built("1.0") / MANIFEST_NAME).unlink()

    with pytest.raises(ManifestError, match="holds no finished version"):
        site.publish_built("1.0")

    assert not site.store.root.exists()


def test_an_invalid_latest_is_not_overwritten(site):
    site.publish("1.0")
    (site.store.root / "latest" / "manifest.json").write_text("<html>")
    site.build("1.1", NEWER)

    with pytest.raises(ManifestError, match=f"^{site.store.url}/latest/manifest.json: not a JSON document"):
        site.publish_built("1.1")

    assert (site.store.root / "latest" / "manifest.json").read_text() == "<html>"


@pytest.fixture(params=["the first version", "a later version"])
def publishing(request, site):
    """A site with a version to publish, the initial store, and the versions that may be latest during the publish."""
    if request.param == "the first version":
        site.build("1.1", NEW)
        site.store.root.mkdir()
        allowed = set()
    else:
        site.publish("1.0", OLD)
        site.build("1.1", NEW)
        allowed = {"1.0"}
    shutil.copytree(site.store.root, site.folder / "before")
    return site, allowed


def reset_store(site):
    """Restore the initial store."""
    shutil.rmtree(site.store.root)
    shutil.copytree(site.folder / "before", site.store.root)


def require_complete(site, versions):
    """Restore `latest`, which must be one of `versions`; require an empty store if there are none."""
    shutil.rmtree(site.box.root, ignore_errors=True)
    try:
        manifest = site.restore().cache.manifest
    except ObjectNotFound:
        assert not versions & set(published_versions(site.store))
        return
    assert manifest.version in versions | {"1.1"}
    assert set(published_versions(site.store)) >= {manifest.version}


def test_a_publish_killed_at_any_step_keeps_latest_valid_and_the_next_finishes_it(publishing):
    site, allowed = publishing
    site.publish_built("1.1")
    finished_store = objects(site.store)

    for step in itertools.count(1):
        reset_store(site)
        was_killed = killed_before_step(step, partial(site.publish_built, "1.1"))
        require_complete(site, allowed)
        site.publish_built("1.1")
        assert objects(site.store) == finished_store
        require_complete(site, {"1.1"})
        if not was_killed:
            break

    assert step > 20


@pytest.mark.long
def test_the_next_publish_finishes_one_killed_at_any_moment(site):
    site.build("1.1", LARGE)
    site.publish_built("1.1")
    finished_store = objects(site.store)
    kills, chance = 0, random.Random(4)

    for _ in range(30):
        shutil.rmtree(site.store.root)
        kills += killed_after(chance.uniform(0, 0.08), partial(site.publish_built, "1.1"))
        require_complete(site, set())
        site.publish_built("1.1")
        assert objects(site.store) == finished_store

    assert kills >= 5
    require_complete(site, {"1.1"})


def test_a_rollback_works_after_a_killed_publish(site):
    site.publish("1.0", OLD)
    before = objects(site.store)
    site.build("1.1", NEW)

    for step in itertools.count(1):
        was_killed = killed_before_step(step, partial(site.publish_built, "1.1"))
        site.publish_built("1.0")
        stored = objects(site.store)
        assert {name: stored[name] for name in before if name != "latest/manifest.json"} == {
            name: before[name] for name in before if name != "latest/manifest.json"
        }
        assert pointer_in(site.store).version == "1.0"
        if not was_killed:
            break

    assert step > 10


class OvertakenStore:
    """Runs a complete publish by another publisher just before one call."""

    def __init__(self, store, before_call, overtake):
        self.store, self.before_call, self.overtake, self.calls = store, before_call, overtake, 0

    def __getattr__(self, name):
        self.calls += 1
        if self.calls == self.before_call:
            self.overtake()
        return getattr(self.store, name)


def require_copies_of_the_latest(store):
    """Require that the copies in latest/ are those of the pointer's version."""
    version, stored = pointer_in(store).version, objects(store)
    for name in (ARCHIVE_NAME, REQUIREMENTS_NAME):
        assert stored[f"latest/{name}"] == stored[f"v{version}/{name}"]


def test_a_publish_overtaken_at_any_call_leaves_the_winner_s_copies(site):
    for version, repos in (("1.0", OLD), ("1.1", NEW), ("1.2", TINY)):
        site.build(version, repos)
    latest = set()

    for call in itertools.count(1):
        shutil.rmtree(site.store.root, ignore_errors=True)
        site.publish_built("1.0")
        store = OvertakenStore(site.store, call, partial(site.publish_built, "1.2"))
        with suppress(SwapConflict):
            publish(site.built("1.1"), store, NoProgress())
        if store.calls < call:
            break
        require_copies_of_the_latest(site.store)
        latest.add(pointer_in(site.store).version)

    assert call > 8
    assert latest == {"1.1", "1.2"}


def test_two_publishes_that_overtake_each_other_while_copying_leave_the_winner_s_copies(site):
    """The first copies an outdated version after the second found the copies correct and ended."""
    for version, repos in (("1.0", OLD), ("1.1", NEW)):
        site.publish(version, repos)
    back_and_forth = [partial(site.publish_built, version) for version in ("1.0", "1.1", "1.0")]
    store = LocalStore(site.store.root)

    def copy(source, key):
        LocalStore.copy(store, source, key)
        if back_and_forth:
            back_and_forth.pop(0)()

    store.copy = copy
    publish(site.built("1.1"), store, NoProgress())

    assert pointer_in(site.store).version == "1.0"
    require_copies_of_the_latest(site.store)


@pytest.mark.parametrize("race", [race_threads, race_processes])
def test_two_concurrent_publishes_of_the_same_version_succeed(race, site):
    site.build("1.0")

    outcomes = race([lambda: site.publish_built("1.0")] * 2)

    assert None in outcomes
    assert set(outcomes) <= {None, "SwapConflict"}
    assert pointer_in(site.store).serial == 1
    require_complete(site, {"1.0"})


@pytest.mark.parametrize("race", [race_threads, race_processes])
def test_one_of_two_concurrent_publishes_with_different_content_is_refused(race, site, tmp_path):
    other = Site(folder=tmp_path / "other")
    site.build("1.0")
    other.build("1.0", NEWER)

    outcomes = race([lambda: site.publish_built("1.0"), lambda: publish(other.built("1.0"), site.store, NoProgress())])

    assert sorted(map(str, outcomes)) == ["None", "ObjectExists"]
    require_complete(site, {"1.0"})


@pytest.mark.parametrize("race", [race_threads, race_processes])
def test_after_two_concurrent_publishes_of_two_versions_latest_is_complete(race, site):
    site.build("1.0")
    site.build("1.1", NEWER)

    outcomes = race([lambda: site.publish_built("1.0"), lambda: site.publish_built("1.1")])

    assert set(outcomes) <= {None, "SwapConflict"}
    assert pointer_in(site.store).serial == outcomes.count(None)
    assert sorted(published_versions(site.store)) == ["1.0", "1.1"]
    require_complete(site, {"1.0", "1.1"})
    require_copies_of_the_latest(site.store)


def test_a_full_disk_is_an_error_and_leaves_no_partial_object(tmp_path):
    site = Site(folder=tmp_path)
    site.build(repos=LARGE)

    with mounted(tmp_path / "disk", "size=4m") as disk:
        with pytest.raises(StoreError, match=r": v1.0/huggingface-cache.tar.gz: No space left on device$") as refusal:
            publish(site.built("1.0"), LocalStore(disk / "store"), NoProgress())

        assert refusal.value.hint == "free some space, then run again"
        assert objects(LocalStore(disk)) == {}


def test_a_read_only_store_can_be_read_and_writing_is_an_error(tmp_path, site):
    with mounted(tmp_path / "disk", "size=4m") as disk:
        store = LocalStore(disk)
        site.build("1.0")
        site.build("1.1", NEWER)
        publish(site.built("1.0"), store, NoProgress())
        make_read_only(disk)

        with pytest.raises(StoreError, match=r": Read-only file system$") as refusal:
            publish(site.built("1.1"), store, NoProgress())

        assert refusal.value.hint == "check the folder and its permissions"
        assert published(store, LATEST).version == "1.0"


def test_a_store_of_another_user_is_an_error(site):
    site.build("1.0")

    def attempt():
        as_nobody()
        with pytest.raises(StoreError, match=r": v1.0/object: Permission denied$"):
            LocalStore(folder / "store").create("v1.0/object", Path(__file__))

    with foreign_folder() as folder:
        assert finished(start(attempt))
