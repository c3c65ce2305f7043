"""The benchmarks of a fleet: what the origin sends to many boxes, and versions that differ in one thing."""

import pytest
from support.caches import LARGE
from support.images import ImageSite
from support.nginx import require_nginx

from benchmarks.many.__main__ import measure
from benchmarks.many.store import link_store
from benchmarks.many.turns import MODELS
from benchmarks.refresh.versions import Version, change_package, derive
from benchmarks.restore.servers import nginx
from diarize_runner.cache.box.environment_images import ImageQuery, fetch_images
from diarize_runner.cache.box.synced_folder import SyncedFolder
from diarize_runner.cache.box.wheel_folder import WheelQuery, fetch_wheels
from diarize_runner.cache.documents.pins import Target
from diarize_runner.cache.published.find import VersionQuery
from diarize_runner.progress import NoProgress
from diarize_runner.store.local import LocalStore


@pytest.fixture
def site(tmp_path):
    site = ImageSite(folder=tmp_path / "site")
    site.build("1.0", LARGE)
    return site


@pytest.mark.long
def test_with_an_empty_cache_the_origin_sends_as_much_to_all_boxes_as_to_one(site, tmp_path):
    require_nginx()
    work = tmp_path / "work"
    link_store(site.built("1.0"), work / "store")
    with nginx(work) as origin:
        report = measure(MODELS, origin, work, boxes=2, rounds=1)

    sent = report["compared"]["origin_bytes_per_bytes_of_one"]
    assert sent["all_directly"] == pytest.approx(2, rel=0.01)
    assert sent["all_with_an_empty_cache"] == pytest.approx(1, rel=0.01)
    assert sent["all_with_a_filled_cache"] < 0.01
    assert not any((work / "boxes").iterdir())


def test_a_changed_package_is_another_wheel_another_pin_and_another_image(site, tmp_path):
    first = Version.read(site.built("1.0"))
    store = LocalStore(tmp_path / "store")
    changed = derive(first, tmp_path / "next", "1.1", change_package("common", "rest"))
    for version in (first, changed):
        link_store(version.folder, store.root)
    wheels, images = (SyncedFolder(root=tmp_path / name) for name in ("wheels", "images"))

    moved = [
        (
            [wheel.name for wheel in fetch(fetch_wheels, store, wheels, name).fetched],
            [image.file.name for image in fetch(fetch_images, store, images, name).fetched],
        )
        for name in ("1.0", "1.1")
    ]

    assert [len(names) for names in moved[0]] == [4, 2]
    assert moved[1] == (["common-2.0-py3-none-any.whl"], ["environment-cp311-rest.squashfs"])


def fetch(function, store, folder, name):
    version = VersionQuery(version=name)
    if function is fetch_wheels:
        return function(store, WheelQuery(version=version, target=Target(python="3.11")), folder, NoProgress())
    return function(store, ImageQuery(version=version, python="3.11"), folder, NoProgress())
