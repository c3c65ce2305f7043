"""A published name never changes, the manifest comes last, and `latest` is whole at every moment."""

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
from diarize_runner.digests import content_of_file
from diarize_runner.errors import (
    IntegrityError,
    ManifestError,
    ObjectExists,
    ObjectNotFound,
    StoreError,
    SwapLost,
)
from diarize_runner.progress import Silent
from diarize_runner.store.local import LocalStore

NEWER = with_file(TINY, "config.yaml", b"version: 4.0.1\n")


def pointer_in(store):
    return Pointer.from_bytes(store.read("latest/manifest.json").data, "latest/manifest.json")


def objects(store):
    return {path: kind for path, kind in tree(store.root).items() if kind != "folder"}


def test_a_version_is_published_under_its_own_name_and_as_the_latest(site):
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


def test_what_latest_names_is_the_manifest_that_was_built(site):
    manifest = site.build("1.0")
    site.publish_built("1.0")

    assert published(site.store, LATEST) == manifest
    assert published(site.store, "1.0") == manifest


def test_publishing_the_same_again_changes_nothing_and_writes_nothing(site):
    def written():
        return {path: path.stat().st_mtime_ns for path in site.store.root.rglob("*") if path.is_file()}

    first = site.publish("1.0")
    before, files = objects(site.store), written()

    again = site.publish_built("1.0")

    assert (first.changed, again.changed) == (True, False)
    assert again.pointer == first.pointer
    assert objects(site.store) == before
    assert written() == files


def test_publishing_the_same_again_reads_no_large_object_to_where_it_publishes_from(site):
    class Far:
        """A store whose objects are far away: to hash one is to fetch it."""

        def __getattr__(self, name):
            return getattr(site.store, name)

        def digest(self, key):
            assert "manifest.json" in key
            return site.store.digest(key)

    site.publish("1.0")

    assert not publish(site.built("1.0"), Far(), Silent()).changed


@pytest.mark.parametrize("name", [ARCHIVE_NAME, REQUIREMENTS_NAME])
def test_what_a_publish_that_was_cut_short_has_left_must_be_of_the_same_version(name, site, tmp_path):
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


def test_the_serial_rises_with_every_change_and_with_nothing_else(site):
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
def test_another_content_under_a_published_version_is_refused_and_changes_nothing(name, site, tmp_path):
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
        publish(other.built("1.0"), site.store, Silent())

    assert refusal.value.message == f"{site.store.url} already has another version 1.0"
    assert refusal.value.hint == "publish under a new --version"
    assert objects(site.store) == before


def alter_requirements(folder):
    """Leave the version another one, and finished: with other requirements."""
    path = folder / REQUIREMENTS_NAME
    path.write_text("torch==0\n")
    content = content_of_file(path)
    described = {"size": content.size, "digest": str(content.digest)}
    edit_json(folder / MANIFEST_NAME, lambda manifest: manifest["requirements"].update(described))


def alter_manifest(folder):
    """Leave the version another one, and finished: made by another release."""
    edit_json(folder / MANIFEST_NAME, lambda manifest: manifest.update(created_by="diarize-runner 9.9.9"))


def test_a_build_that_was_altered_is_never_published(site):
    site.build("1.0")
    flip(site.built("1.0") / ARCHIVE_NAME, 5000)

    with pytest.raises(IntegrityError, match=r"huggingface-cache.tar.gz is not what its manifest says$"):
        site.publish_built("1.0")

    assert not site.store.root.exists()


def test_an_unfinished_build_is_never_published(site):
    site.build("1.0")
    (site.built("1.0") / MANIFEST_NAME).unlink()

    with pytest.raises(ManifestError, match="holds no finished version"):
        site.publish_built("1.0")

    assert not site.store.root.exists()


def test_a_latest_that_is_no_pointer_is_left_alone(site):
    site.publish("1.0")
    (site.store.root / "latest" / "manifest.json").write_text("<html>")
    site.build("1.1", NEWER)

    with pytest.raises(ManifestError, match=f"^{site.store.url}/latest/manifest.json: not a JSON document"):
        site.publish_built("1.1")

    assert (site.store.root / "latest" / "manifest.json").read_text() == "<html>"


@pytest.fixture(params=["the first version", "a later version"])
def publishing(request, site):
    """A site with a version to publish, the store as it is before, and the versions that may be latest meanwhile."""
    if request.param == "the first version":
        site.build("1.1", NEW)
        site.store.root.mkdir()
        meanwhile = set()
    else:
        site.publish("1.0", OLD)
        site.build("1.1", NEW)
        meanwhile = {"1.0"}
    shutil.copytree(site.store.root, site.folder / "before")
    return site, meanwhile


def put_back(site):
    """Make the store what it was before."""
    shutil.rmtree(site.store.root)
    shutil.copytree(site.folder / "before", site.store.root)


def require_whole(site, versions):
    """Restore what `latest` names, which must be one of `versions`; an empty store is right when there are none."""
    shutil.rmtree(site.box.root, ignore_errors=True)
    try:
        manifest = site.restore().cache.manifest
    except ObjectNotFound:
        assert not versions & set(published_versions(site.store))
        return
    assert manifest.version in versions | {"1.1"}
    assert set(published_versions(site.store)) >= {manifest.version}


def test_a_publish_that_was_killed_at_any_step_never_breaks_latest_and_is_finished_by_the_next(publishing):
    site, meanwhile = publishing
    site.publish_built("1.1")
    finished_store = objects(site.store)

    for step in itertools.count(1):
        put_back(site)
        was_killed = killed_before_step(step, partial(site.publish_built, "1.1"))
        require_whole(site, meanwhile)
        site.publish_built("1.1")
        assert objects(site.store) == finished_store
        require_whole(site, {"1.1"})
        if not was_killed:
            break

    assert step > 20


def test_a_publish_that_was_killed_at_any_moment_is_finished_by_the_next(site):
    site.build("1.1", LARGE)
    site.publish_built("1.1")
    finished_store = objects(site.store)
    kills, chance = 0, random.Random(4)

    for _ in range(30):
        shutil.rmtree(site.store.root)
        kills += killed_after(chance.uniform(0, 0.08), partial(site.publish_built, "1.1"))
        require_whole(site, set())
        site.publish_built("1.1")
        assert objects(site.store) == finished_store

    assert kills >= 5
    require_whole(site, {"1.1"})


def test_a_version_that_was_half_published_can_be_rolled_back_from(site):
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


class Overtaken:
    """Lets another publisher do all of its work just before one call of this one's."""

    def __init__(self, store, before_call, overtake):
        self.store, self.before_call, self.overtake, self.calls = store, before_call, overtake, 0

    def __getattr__(self, name):
        self.calls += 1
        if self.calls == self.before_call:
            self.overtake()
        return getattr(self.store, name)


def require_copies_of_the_latest(store):
    """Demand that who takes latest/ with curl gets what the pointer names."""
    version, stored = pointer_in(store).version, objects(store)
    for name in (ARCHIVE_NAME, REQUIREMENTS_NAME):
        assert stored[f"latest/{name}"] == stored[f"v{version}/{name}"]


def test_a_publish_that_another_overtakes_at_any_call_leaves_the_copies_of_the_one_that_won(site):
    for version, repos in (("1.0", OLD), ("1.1", NEW), ("1.2", TINY)):
        site.build(version, repos)
    latest = set()

    for call in itertools.count(1):
        shutil.rmtree(site.store.root, ignore_errors=True)
        site.publish_built("1.0")
        store = Overtaken(site.store, call, partial(site.publish_built, "1.2"))
        with suppress(SwapLost):
            publish(site.built("1.1"), store, Silent())
        if store.calls < call:
            break
        require_copies_of_the_latest(site.store)
        latest.add(pointer_in(site.store).version)

    assert call > 8
    assert latest == {"1.1", "1.2"}


def test_two_that_overtake_each_other_while_they_copy_leave_the_copies_of_the_one_that_won(site):
    """The first copies what is no longer the latest; who made it so had found the copies right and gone."""
    for version, repos in (("1.0", OLD), ("1.1", NEW)):
        site.publish(version, repos)
    back_and_forth = [partial(site.publish_built, version) for version in ("1.0", "1.1", "1.0")]
    store = LocalStore(site.store.root)

    def copy(source, key):
        LocalStore.copy(store, source, key)
        if back_and_forth:
            back_and_forth.pop(0)()

    store.copy = copy
    publish(site.built("1.1"), store, Silent())

    assert pointer_in(site.store).version == "1.0"
    require_copies_of_the_latest(site.store)


@pytest.mark.parametrize("race", [race_threads, race_processes])
def test_two_that_publish_the_same_version_at_once_do_no_harm(race, site):
    site.build("1.0")

    outcomes = race([lambda: site.publish_built("1.0")] * 2)

    assert None in outcomes
    assert set(outcomes) <= {None, "SwapLost"}
    assert pointer_in(site.store).serial == 1
    require_whole(site, {"1.0"})


@pytest.mark.parametrize("race", [race_threads, race_processes])
def test_of_two_that_publish_at_once_under_one_version_one_is_refused(race, site, tmp_path):
    other = Site(folder=tmp_path / "other")
    site.build("1.0")
    other.build("1.0", NEWER)

    outcomes = race([lambda: site.publish_built("1.0"), lambda: publish(other.built("1.0"), site.store, Silent())])

    assert sorted(map(str, outcomes)) == ["None", "ObjectExists"]
    require_whole(site, {"1.0"})


@pytest.mark.parametrize("race", [race_threads, race_processes])
def test_of_two_that_publish_two_versions_at_once_the_pointer_names_one_that_is_whole(race, site):
    site.build("1.0")
    site.build("1.1", NEWER)

    outcomes = race([lambda: site.publish_built("1.0"), lambda: site.publish_built("1.1")])

    assert set(outcomes) <= {None, "SwapLost"}
    assert pointer_in(site.store).serial == outcomes.count(None)
    assert sorted(published_versions(site.store)) == ["1.0", "1.1"]
    require_whole(site, {"1.0", "1.1"})
    require_copies_of_the_latest(site.store)


def test_a_store_on_a_full_disk_says_so_and_keeps_no_part_of_what_did_not_fit(tmp_path):
    site = Site(folder=tmp_path)
    site.build(repos=LARGE)

    with mounted(tmp_path / "disk", "size=4m") as disk:
        with pytest.raises(StoreError, match=r": v1.0/huggingface-cache.tar.gz: No space left on device$") as refusal:
            publish(site.built("1.0"), LocalStore(disk / "store"), Silent())

        assert refusal.value.hint == "free some space, then run again"
        assert objects(LocalStore(disk)) == {}


def test_a_store_on_a_read_only_disk_can_be_read_and_says_that_it_cannot_be_written(tmp_path, site):
    with mounted(tmp_path / "disk", "size=4m") as disk:
        store = LocalStore(disk)
        site.build("1.0")
        site.build("1.1", NEWER)
        publish(site.built("1.0"), store, Silent())
        make_read_only(disk)

        with pytest.raises(StoreError, match=r": Read-only file system$") as refusal:
            publish(site.built("1.1"), store, Silent())

        assert refusal.value.hint == "check the folder and its permissions"
        assert published(store, LATEST).version == "1.0"


def test_a_store_of_somebody_elses_says_so(site):
    site.build("1.0")

    def attempt():
        as_nobody()
        with pytest.raises(StoreError, match=r": v1.0/object: Permission denied$"):
            LocalStore(folder / "store").create("v1.0/object", Path(__file__))

    with foreign_folder() as folder:
        assert finished(start(attempt))
