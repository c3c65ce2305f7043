"""Work on a store in a folder, and on a version that is built for it. See `support.work`."""

from functools import partial

from support.caches import NEW, OLD, Site, published
from support.work import Work

from diarize_runner.cache.published.catalogue import plan_prune, prune
from diarize_runner.cache.published.keys import published_versions
from diarize_runner.cache.published.publish import read_build
from diarize_runner.digests import hash_file
from diarize_runner.errors import ManifestError, ObjectNotFound


def _one_published_one_built(folder):
    site = Site(folder=folder)
    site.publish("1.0", OLD)
    site.build("2.0", NEW)


def _publish(folder):
    Site(folder=folder).publish_built("2.0")


def _store_is_whole(folder):
    store = Site(folder=folder).store
    for version in published_versions(store):
        for file in published(store, version).files:
            assert hash_file(store.root / f"v{version}" / file.name) == file.content, (version, file.name)
    try:
        return published(store).version
    except ObjectNotFound:
        return None


def _was_published(before, folder, done):
    assert _store_is_whole(folder) in (("2.0",) if done else (before, "2.0"))
    _publish(folder)
    assert _store_is_whole(folder) == "2.0"


def _three_published(folder):
    site = Site(folder=folder)
    for version in ("1.0", "2.0", "3.0"):
        site.publish(version, OLD if version == "1.0" else NEW)


def _prune(folder):
    store = Site(folder=folder).store
    prune(store, plan_prune(store, 1))


def _pruned(folder, done):
    assert _store_is_whole(folder) == "3.0"
    versions = {*published_versions(Site(folder=folder).store)}
    assert versions in ([{"2.0", "3.0"}] if done else [{"1.0", "2.0", "3.0"}, {"2.0", "3.0"}])
    _prune(folder)
    assert {path.parent.name for path in folder.glob("store/*/*")} == {"v2.0", "v3.0", "latest"}


def _build(folder):
    Site(folder=folder).build("2.0", NEW)


def _something_else_built(folder):
    Site(folder=folder).build("2.0", OLD)


def _built(folder, done):
    try:
        read_build(folder / "built/2.0")
    except ManifestError:
        assert not done


STORE_WORKS = {
    "a first publish": Work(prepare=_build, run=_publish, check=partial(_was_published, None), on="store"),
    "a publish": Work(prepare=_one_published_one_built, run=_publish, check=partial(_was_published, "1.0"), on="store"),
    "a prune": Work(prepare=_three_published, run=_prune, check=_pruned, on="store"),
    "a build": Work(prepare=_something_else_built, run=_build, check=_built, on="built"),
}
