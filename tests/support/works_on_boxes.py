"""Work on a box's folders: restores, repairs, switches, prunes and wheels. See `support.work`."""

from functools import partial

from support.caches import NEW, OLD, Site, flip
from support.wheels import FOR_311, WHEELS, WheelSite
from support.work import Work

from diarize_runner.cache.box.folder import find_cache, read_manifest
from diarize_runner.cache.box.prune import prune_box
from diarize_runner.cache.box.repair import repair
from diarize_runner.cache.box.switch import switch
from diarize_runner.cache.box.synced_folder import SyncedFolder
from diarize_runner.cache.box.verify import verify
from diarize_runner.cache.box.wheel_folder import WheelQuery, fetch_wheels
from diarize_runner.cache.documents.pins import Target
from diarize_runner.cache.published.find import LATEST, VersionQuery
from diarize_runner.progress import NoProgress


def site_with(*versions):
    """Return a function that publishes these versions, and restores each while it is the latest."""

    def prepare(folder, restored=versions):
        site = Site(folder=folder)
        for version in versions:
            site.publish(version, OLD if version == "1.0" else NEW)
            if version in restored:
                site.restore(version)

    return prepare


def _two_published_one_restored(folder):
    site_with("1.0", "2.0")(folder, ("1.0",))


def _damaged(folder):
    _two_published_one_restored(folder)
    for blob in find_cache(folder / "box").glob("huggingface/hub/*/blobs/*"):
        flip(blob, 1)


def _published_none_restored(folder):
    site_with("2.0")(folder, ())


def version_in_use(folder):
    """Verify and return the version in use on a box; None without one."""
    if not (folder / "box/current").is_symlink():
        return None
    root = find_cache(folder / "box")
    cache = verify(root, read_manifest(root), NoProgress()).require_ok()
    return cache.manifest.version


def _restored(before, folder, done):
    assert version_in_use(folder) in (("2.0",) if done else (before, "2.0"))
    assert Site(folder=folder).box.serial in ((1, 2) if done else (0, 1, 2))
    Site(folder=folder).restore()
    assert version_in_use(folder) == "2.0"


def _restored_over_damage(folder, done):
    root = find_cache(folder / "box")
    manifest = read_manifest(root)
    if verify(root, manifest, NoProgress()).ok or done:
        assert version_in_use(folder) == "1.0"
    Site(folder=folder).restore("1.0")
    assert version_in_use(folder) == "1.0"


def repair_in_place(folder):
    root = find_cache(folder / "box")
    repair(root, read_manifest(root), Site(folder=folder).store, NoProgress())


def _repaired(folder, done):
    if done:
        assert version_in_use(folder) == "1.0"
    repair_in_place(folder)
    assert version_in_use(folder) == "1.0"


def _switch(folder):
    switch(Site(folder=folder).box, None, NoProgress())


def _switched(folder, done):
    assert version_in_use(folder) in (("1.0",) if done else ("1.0", "2.0"))
    _switch(folder)
    assert version_in_use(folder) in ("1.0", "2.0")


def _three_restored(folder):
    site_with("1.0", "2.0", "3.0")(folder)


def _prune(folder):
    prune_box(Site(folder=folder).box)


def _pruned(folder, done):
    box = Site(folder=folder).box
    assert version_in_use(folder) == "3.0"
    for root in box.root.glob("versions/[0-9a-f]*"):
        verify(root, read_manifest(root), NoProgress()).require_ok()
    assert not done or len(box.version_folders()) == 2
    _prune(folder)
    assert len(box.version_folders()) == 2


def _wheels_published(folder):
    WheelSite(folder=folder).publish("1.0")


def fetch_all_wheels(folder):
    wanted = WheelQuery(version=VersionQuery(version=LATEST), target=Target(python="3.11"))
    return fetch_wheels(Site(folder=folder).store, wanted, SyncedFolder(root=folder / "wheels"), NoProgress())


def _fetched(folder, done):
    for wheel in (folder / "wheels").glob("*.whl"):
        assert wheel.read_bytes() == WHEELS[wheel.name]
    assert not done or {path.name for path in (folder / "wheels").glob("*.whl")} == FOR_311
    assert not (fetch_all_wheels(folder).changed and done)
    assert {path.name for path in (folder / "wheels").glob("*.whl")} == FOR_311


def _restore(folder):
    Site(folder=folder).restore()


def _restore_the_first(folder):
    Site(folder=folder).restore("1.0")


BOX_WORKS = {
    "a first restore": Work(prepare=_published_none_restored, run=_restore, check=partial(_restored, None)),
    "a restore": Work(prepare=_two_published_one_restored, run=_restore, check=partial(_restored, "1.0")),
    "a restore over a damaged version": Work(prepare=_damaged, run=_restore_the_first, check=_restored_over_damage),
    "a repair": Work(prepare=_damaged, run=repair_in_place, check=_repaired),
    "a switch": Work(prepare=site_with("1.0", "2.0"), run=_switch, check=_switched),
    "a prune of a box": Work(prepare=_three_restored, run=_prune, check=_pruned),
    "wheels": Work(prepare=_wheels_published, run=fetch_all_wheels, check=_fetched, on="wheels"),
}
