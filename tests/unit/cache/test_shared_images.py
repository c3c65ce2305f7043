"""Versions share images as they share wheels: each is stored once, copied, and deleted with the last version."""

from support.caches import NEW, tree
from support.images import IMAGES, ImageSite

from diarize_runner.cache.documents.manifest import MANIFEST_NAME, WHEELS_PAGE_NAME
from diarize_runner.cache.published.catalogue import plan_prune, prune
from diarize_runner.cache.published.copy_version import copy_version
from diarize_runner.cache.published.find import VersionQuery
from diarize_runner.digests import hash_bytes
from diarize_runner.progress import NoProgress
from diarize_runner.store.local import LocalStore

KEPT = {"environment-cp311-cuda.squashfs": IMAGES["environment-cp311-cuda.squashfs"]}


def keys_of(images):
    return {f"environments/sha256/{hash_bytes(data).digest.hex}/{name}" for name, data in images.items()}


def images_in(store):
    return {path for path, kind in tree(store.root).items() if path.startswith("environments/") and kind != "folder"}


def test_images_are_stored_by_digest_and_linked_from_the_page_of_wheels(tmp_path):
    site = ImageSite(folder=tmp_path)
    site.publish("1.0")

    page = (site.store.root / "v1.0" / WHEELS_PAGE_NAME).read_text()

    assert images_in(site.store) == keys_of(IMAGES)
    assert all(f'<a href="../{key}#sha256=' in page for key in keys_of(IMAGES))


def test_a_prune_deletes_only_the_images_that_no_version_has(tmp_path):
    site = ImageSite(folder=tmp_path)
    site.publish("1.0")
    site.publish("1.1", NEW, images=KEPT)
    site.publish("1.2", images=KEPT)

    plan = plan_prune(site.store, 1)

    assert (plan.remove, set(plan.shared)) == (("1.0",), keys_of(IMAGES) - keys_of(KEPT))
    assert prune(site.store, plan) == plan
    assert images_in(site.store) == keys_of(KEPT)


def test_a_prune_keeps_the_images_of_a_killed_publish(tmp_path):
    site = ImageSite(folder=tmp_path)
    site.publish("1.0", images=KEPT)
    site.publish("1.1", NEW)
    (site.store.root / "v1.1" / MANIFEST_NAME).unlink()

    assert plan_prune(site.store, 1).shared == ()


def test_a_copy_of_a_version_has_its_images(tmp_path):
    site = ImageSite(folder=tmp_path / "site")
    site.publish("1.0")
    target = LocalStore(tmp_path / "copy")

    copy_version(site.store, target, VersionQuery(version="1.0"), NoProgress())

    assert images_in(target) == keys_of(IMAGES)
