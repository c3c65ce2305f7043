"""A prune removes old versions from a box, and a kill never leaves half a version."""

import fcntl
import os
from functools import partial

import pytest
from support.caches import NEW, OLD, PIPELINE, noise, tree
from support.kills import killed_before_step

from diarize_runner.cache.box.folder import BoxFolder, read_manifest
from diarize_runner.cache.box.prune import plan_box_prune, prune_box
from diarize_runner.cache.box.switch import switch
from diarize_runner.cache.box.verify import verify
from diarize_runner.errors import ManifestError
from diarize_runner.progress import NoProgress

THIRD = {PIPELINE: {"config.yaml": b"third", "a/weights.dat": noise(3000), "b/weights.dat": noise(2000, seed=2)}}


@pytest.fixture
def versions(site):
    """The digests of three versions that share their largest blob; the last is current."""
    digests = []
    for version, repos in (("1.0", OLD), ("2.0", NEW), ("3.0", THIRD)):
        site.publish(version, repos)
        digests.append(site.restore(version).cache.manifest.digest)
    return digests


def on_disk(site):
    return {path.name for path in (site.box.root / "versions").iterdir()}


def hexes(*digests):
    return {digest.hex for digest in digests}


def assert_whole(folders):
    for folder in folders:
        assert verify(folder, read_manifest(folder), NoProgress()).ok, folder


def test_a_prune_keeps_only_the_current_and_the_previous_version(versions, site):
    _, before, current = versions

    assert prune_box(site.box).remove

    assert on_disk(site) == hexes(before, current)
    assert switch(site.box, None, NoProgress()).cache.manifest.digest == before, "the previous version is kept"


def test_a_second_prune_changes_nothing(versions, site):
    prune_box(site.box)
    after = tree(site.box.root)
    assert prune_box(site.box).remove == ()
    assert tree(site.box.root) == after


def test_a_current_version_is_kept_even_if_it_is_the_oldest(versions, site):
    oldest, _, newest = versions
    switch(site.box, oldest, NoProgress())
    prune_box(site.box)
    assert on_disk(site) == hexes(oldest, newest)


def test_a_plan_excludes_shared_blobs_from_the_freed_bytes_and_removes_nothing(versions, site):
    old = site.box.version_folder(versions[0])
    alone = len(b"old") + sum((old / name).stat().st_size for name in ("manifest.json", "runtime.env"))
    refs = sum(path.stat().st_size for path in old.glob("huggingface/hub/*/refs/*"))
    before = tree(site.box.root)

    plan = plan_box_prune(site.box)

    assert (plan.remove, plan.bytes_freed) == ((old,), alone + refs)
    assert tree(site.box.root) == before


def test_a_blob_shared_by_old_versions_only_is_counted_once(versions, site):
    oldest, older, current = (site.box.version_folder(digest) for digest in versions)
    site.box.previous.unlink()
    shared = next(oldest.glob("huggingface/hub/*/snapshots/*/a/weights.dat")).resolve()
    kept = current / shared.relative_to(oldest)
    kept.unlink()
    kept.write_bytes(noise(3000))  # its own copy, as after a repair

    files = {path.stat().st_ino: path for folder in (oldest, older) for path in folder.rglob("*") if path.is_file()}

    assert plan_box_prune(site.box).bytes_freed == sum(path.stat().st_size for path in files.values())


def test_a_plan_can_assume_that_another_version_is_in_use(versions, site):
    oldest, before, current = versions
    going = {folder.name for folder in plan_box_prune(site.box, after=oldest).remove}
    assert going == hexes(before)
    assert plan_box_prune(site.box, after=current) == plan_box_prune(site.box)


def test_a_box_without_a_current_version_is_not_pruned(versions, site):
    site.box.current.unlink()
    before = tree(site.box.root)
    with pytest.raises(ManifestError, match="has no current version"):
        prune_box(site.box)
    assert tree(site.box.root) == before


def test_files_that_are_not_named_like_a_version_are_kept(versions, site):
    """Among them the staging folder of a killed restore."""
    others = {".partial-" + "0" * 64, "notes", ".removed-by-hand"}
    for name in others:
        ((site.box.root / "versions") / name).mkdir()
    ((site.box.root / "versions") / ("0" * 64)).symlink_to(site.folder)

    prune_box(site.box)

    assert on_disk(site) == hexes(*versions[1:]) | others | {"0" * 64}


def test_a_killed_prune_leaves_only_complete_versions_and_the_next_one_continues(versions, site):
    assert killed_before_step(3, partial(prune_box, site.box)), "renamed, and no file removed yet"
    kills = 1
    while killed_before_step(4, partial(prune_box, site.box)):  # each run removes one more file
        assert_whole(folder for folder in site.box.version_folders() if not folder.name.startswith(".removed-"))
        kills += 1
        assert kills < 100
    assert kills > 5, "the runs were killed half-way"
    assert on_disk(site) == hexes(*versions[1:])


def write_prune_leftovers(site, digest):
    """Write the leftovers of a version whose prune was killed."""
    folder = (site.box.root / "versions") / f".removed-{digest.hex}"
    (folder / "huggingface").mkdir(parents=True)
    (folder / "huggingface" / "blob").write_bytes(b"half")


def test_leftovers_of_a_killed_prune_are_planned_and_removed(versions, site):
    write_prune_leftovers(site, versions[0])
    assert [folder.name[:9] for folder in plan_box_prune(site.box).remove] == [".removed-", versions[0].hex[:9]]
    prune_box(site.box)
    assert on_disk(site) == hexes(*versions[1:])


def test_a_restore_removes_the_leftovers_of_a_killed_prune(versions, site):
    write_prune_leftovers(site, versions[0])
    site.restore("3.0")
    assert on_disk(site) == hexes(*versions)


class LockedBox(BoxFolder):
    """Checks that the caller of `remove` holds the lock."""

    def remove(self, folder):
        descriptor = os.open(self.root, os.O_RDONLY)
        try:
            with pytest.raises(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(descriptor)
        BoxFolder.remove(self, folder)


def test_a_prune_holds_the_lock_of_the_box(versions, site):
    assert prune_box(LockedBox(root=site.box.root)).remove
    assert on_disk(site) == hexes(*versions[1:])


def test_an_open_file_stays_readable_after_a_prune(versions, site):
    with next(site.box.version_folder(versions[0]).glob("huggingface/hub/*/snapshots/*/config.yaml")).open(
        "rb"
    ) as file:
        prune_box(site.box)
        assert file.read() == b"old"
