"""List, roll back and prune the versions of a store."""

import itertools
import shutil
from functools import partial

import pytest
from support.caches import NEW, OLD, TINY, tree, with_file
from support.kills import killed_before_step

from diarize_runner.cache.documents.manifest import ARCHIVE_NAME, MANIFEST_NAME, REQUIREMENTS_NAME
from diarize_runner.cache.published.catalogue import PrunePlan, list_versions, plan_prune, prune, rollback
from diarize_runner.cache.published.latest import read_latest
from diarize_runner.digests import hash_file
from diarize_runner.errors import ManifestError, ObjectNotFound, StoreError

IN_ORDER = ("10.0", "2.0", "1.10", "1.9.1", "1.9", "1.2")


def objects(store):
    return {path: kind for path, kind in tree(store.root).items() if kind != "folder"}


def publish_all(site, versions, repos=OLD):
    for version in versions:
        site.publish(version, repos)


def listed(store):
    return [each.manifest.version for each in list_versions(store)]


def require_copies_of(store, version):
    """Require that the copies in latest/ are those of `version`."""
    for name in (ARCHIVE_NAME, REQUIREMENTS_NAME):
        copy, own = (hash_file(store.root / folder / name) for folder in ("latest", f"v{version}"))
        assert copy == own


def test_versions_are_listed_newest_first_with_the_latest_marked(site):
    publish_all(site, ("1.9", "10.0", "1.2", "1.10", "2.0", "1.9.1"))

    versions = list_versions(site.store)

    assert tuple(each.manifest.version for each in versions) == IN_ORDER
    assert [each.manifest.version for each in versions if each.is_latest] == ["1.9.1"]
    assert {each.manifest.name for each in versions} == {"tiny"}


def test_an_empty_store_lists_nothing(site):
    assert list_versions(site.store) == ()
    assert plan_prune(site.store, 1) == PrunePlan(keep=(), remove=())


def test_folders_without_a_manifest_are_not_listed(site):
    publish_all(site, ("1.0", "1.1"))
    (site.store.root / "v1.0" / MANIFEST_NAME).unlink()

    assert listed(site.store) == ["1.1"]


def test_a_rollback_goes_to_the_previous_version_and_the_next_one_returns(site):
    site.publish("1.0", OLD)
    site.publish("1.1", NEW)

    back = rollback(site.store, None)

    assert (back.changed, back.pointer) == (True, read_latest(site.store))
    assert (back.pointer.serial, back.pointer.version, back.pointer.previous) == (3, "1.0", "1.1")
    require_copies_of(site.store, "1.0")
    assert site.restore().cache.manifest.version == "1.0"
    assert rollback(site.store, None).pointer.version == "1.1"
    require_copies_of(site.store, "1.1")


def test_a_rollback_goes_to_the_named_version(site):
    publish_all(site, ("1.0", "1.1"))
    site.publish("1.2", NEW)

    pointer = rollback(site.store, "1.0").pointer

    assert (pointer.serial, pointer.version, pointer.previous) == (4, "1.0", "1.2")
    assert site.restore().cache.manifest.version == "1.0"


def test_a_rollback_to_the_latest_changes_nothing(site):
    publish_all(site, ("1.0", "1.1"))
    before = objects(site.store)

    assert not rollback(site.store, "1.1").changed

    assert objects(site.store) == before


def test_a_rollback_to_a_missing_version_is_refused_and_changes_nothing(site):
    publish_all(site, ("1.0", "1.1"))
    before = objects(site.store)

    with pytest.raises(ObjectNotFound, match=r" has no version 9.9$"):
        rollback(site.store, "9.9")

    assert objects(site.store) == before


def test_a_rollback_of_an_empty_store_is_refused(site):
    with pytest.raises(ObjectNotFound, match=r" has no latest version$"):
        rollback(site.store, None)


def test_a_rollback_without_a_previous_version_is_refused(site):
    publish_all(site, ("1.0",))

    with pytest.raises(StoreError, match=r": no version precedes the latest$") as refusal:
        rollback(site.store, None)

    assert refusal.value.hint == "pass --to VERSION; cache list shows them"


def test_a_rollback_to_a_deleted_version_is_refused_and_changes_nothing(site):
    publish_all(site, ("1.0", "1.1"))
    shutil.rmtree(site.store.root / "v1.0")
    before = objects(site.store)

    with pytest.raises(ObjectNotFound, match=r" has no version 1.0$"):
        rollback(site.store, None)

    assert objects(site.store) == before


def test_a_rollback_killed_at_any_step_keeps_latest_valid_and_the_next_finishes_it(site):
    site.publish("1.0", OLD)
    site.publish("1.1", NEW)
    shutil.copytree(site.store.root, site.folder / "before")

    for step in itertools.count(1):
        shutil.rmtree(site.store.root)
        shutil.copytree(site.folder / "before", site.store.root)
        was_killed = killed_before_step(step, partial(rollback, site.store, "1.0"))
        shutil.rmtree(site.box.root, ignore_errors=True)
        assert site.restore().cache.manifest.version in ("1.0", "1.1")
        rollback(site.store, "1.0")
        assert read_latest(site.store).serial == 3
        require_copies_of(site.store, "1.0")
        assert not [path for path in objects(site.store) if ".partial-" in path]
        if not was_killed:
            break

    assert step > 5


PLANS = {
    "one": (1, None, ("2.0", "1.10", "1.9"), ("1.2", "1.0")),
    "two": (2, None, ("2.0", "1.10", "1.9"), ("1.2", "1.0")),
    "four": (4, None, ("2.0", "1.10", "1.9", "1.2"), ("1.0",)),
    "more than there are": (9, None, ("2.0", "1.10", "1.9", "1.2", "1.0"), ()),
    "after a rollback to an old one": (1, "1.0", ("2.0", "1.9", "1.0"), ("1.10", "1.2")),
}


@pytest.mark.parametrize(("keep", "to", "kept", "removed"), PLANS.values(), ids=list(PLANS))
def test_a_prune_keeps_the_newest_the_latest_and_the_previous_version(keep, to, kept, removed, site):
    publish_all(site, ("1.0", "1.2", "2.0", "1.10", "1.9"))
    if to:
        rollback(site.store, to)
    before = objects(site.store)

    plan = plan_prune(site.store, keep)
    assert plan == PrunePlan(keep=kept, remove=removed)
    assert objects(site.store) == before
    prune(site.store, plan)

    gone = {path for path in before if path.split("/")[0] in {f"v{version}" for version in removed}}
    assert objects(site.store) == {path: before[path] for path in before if path not in gone}
    assert tuple(listed(site.store)) == kept
    assert site.restore().plan.changed
    previous = read_latest(site.store).previous
    assert rollback(site.store, None).pointer.version == previous


def test_a_prune_of_a_version_keeps_versions_with_the_same_prefix(site):
    publish_all(site, ("1.1", "1.10", "1.1-rc"))
    prune(site.store, PrunePlan(keep=(), remove=("1.1",)))

    assert {path.name for path in site.store.root.iterdir()} == {"v1.10", "v1.1-rc", "latest"}


def test_a_prune_with_an_invalid_pointer_is_refused(site):
    publish_all(site, ("1.0", "1.1"))
    (site.store.root / "latest" / MANIFEST_NAME).write_text("<html>")

    with pytest.raises(ManifestError, match="not a JSON document"):
        plan_prune(site.store, 1)


def test_a_prune_killed_at_any_step_lists_only_complete_versions_and_the_next_finishes_it(site):
    publish_all(site, ("1.0", "1.1", "1.2"))
    site.publish("1.3", NEW)
    shutil.copytree(site.store.root, site.folder / "before")
    plan = plan_prune(site.store, 1)
    assert plan.remove == ("1.1", "1.0")
    prune(site.store, plan)
    finished_store = objects(site.store)

    for step in itertools.count(1):
        shutil.rmtree(site.store.root)
        shutil.copytree(site.folder / "before", site.store.root)
        was_killed = killed_before_step(step, partial(prune, site.store, plan))
        assert {*plan.keep} <= {*listed(site.store)} <= {*plan.keep, *plan.remove}
        for version in listed(site.store):
            shutil.rmtree(site.box.root, ignore_errors=True)
            assert site.restore(version).cache.manifest.version == version
        prune(site.store, plan_prune(site.store, 1))
        assert objects(site.store) == finished_store
        if not was_killed:
            break

    assert step > 10


def test_after_a_killed_prune_a_different_version_of_that_name_can_be_published(site):
    publish_all(site, ("1.0", "1.1", "1.2"))
    shutil.copytree(site.store.root, site.folder / "before")
    other = site.build("1.0", NEW)
    plan = PrunePlan(keep=("1.2", "1.1"), remove=("1.0",))

    for step in itertools.count(1):
        shutil.rmtree(site.store.root)
        shutil.copytree(site.folder / "before", site.store.root)
        was_killed = killed_before_step(step, partial(prune, site.store, plan))
        if "1.0" not in listed(site.store):
            assert site.publish_built("1.0").pointer.version == "1.0"
            assert site.restore("1.0").cache.manifest == other
            assert plan_prune(site.store, 3).remove == ()
        if not was_killed:
            break

    assert step > 5


def test_a_prune_keeps_a_version_that_is_being_published(site):
    publish_all(site, ("1.0", "1.1"))
    (site.store.root / "v1.0" / MANIFEST_NAME).unlink()
    before = objects(site.store)

    plan = plan_prune(site.store, 1)
    prune(site.store, plan)

    assert plan == PrunePlan(keep=("1.1",), remove=())
    assert objects(site.store) == before


def test_a_pruned_version_can_be_published_again(site):
    publish_all(site, ("1.0", "1.1", "1.2"))
    prune(site.store, plan_prune(site.store, 1))
    assert listed(site.store) == ["1.2", "1.1"]

    assert site.publish("1.0", with_file(TINY, "config.yaml", b"other")).pointer.version == "1.0"
