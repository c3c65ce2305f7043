"""Old versions leave a box: all but the one in use and the one before, and no kill leaves half of one."""

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
from diarize_runner.progress import Silent

THIRD = {PIPELINE: {"config.yaml": b"third", "a/weights.dat": noise(3000), "b/weights.dat": noise(2000, seed=2)}}


@pytest.fixture
def versions(site):
    """The digests of three versions, the last of which is in use; they share their largest blob."""
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
        assert verify(folder, read_manifest(folder), Silent()).ok, folder


def test_only_the_version_in_use_and_the_one_before_stay(versions, site):
    _, before, current = versions

    assert prune_box(site.box).remove

    assert on_disk(site) == hexes(before, current)
    assert switch(site.box, None, Silent()).cache.manifest.digest == before, "the way back is there still"


def test_a_second_time_there_is_nothing_to_do(versions, site):
    prune_box(site.box)
    after = tree(site.box.root)
    assert prune_box(site.box).remove == ()
    assert tree(site.box.root) == after


def test_the_version_that_was_gone_back_to_stays_though_it_is_the_oldest(versions, site):
    oldest, _, newest = versions
    switch(site.box, oldest, Silent())
    prune_box(site.box)
    assert on_disk(site) == hexes(oldest, newest)


def test_a_plan_counts_what_is_freed_without_the_blobs_that_others_share_and_takes_nothing_away(versions, site):
    old = site.box.version(versions[0])
    alone = len(b"old") + sum((old / name).stat().st_size for name in ("manifest.json", "runtime.env"))
    refs = sum(path.stat().st_size for path in old.glob("huggingface/hub/*/refs/*"))
    before = tree(site.box.root)

    plan = plan_box_prune(site.box)

    assert (plan.remove, plan.bytes_freed) == ((old,), alone + refs)
    assert tree(site.box.root) == before


def test_a_blob_that_only_old_versions_share_is_freed_once(versions, site):
    oldest, older, current = (site.box.version(digest) for digest in versions)
    site.box.previous.unlink()
    shared = next(oldest.glob("huggingface/hub/*/snapshots/*/a/weights.dat")).resolve()
    kept = current / shared.relative_to(oldest)
    kept.unlink()
    kept.write_bytes(noise(3000))  # on a disk of its own, as after a repair

    files = {path.stat().st_ino: path for folder in (oldest, older) for path in folder.rglob("*") if path.is_file()}

    assert plan_box_prune(site.box).bytes_freed == sum(path.stat().st_size for path in files.values())


def test_it_foresees_what_will_go_once_another_version_is_in_use(versions, site):
    oldest, before, current = versions
    going = {folder.name for folder in plan_box_prune(site.box, after=oldest).remove}
    assert going == hexes(before)
    assert plan_box_prune(site.box, after=current) == plan_box_prune(site.box)


def test_a_box_where_nothing_is_in_use_is_left_as_it_is(versions, site):
    site.box.current.unlink()
    before = tree(site.box.root)
    with pytest.raises(ManifestError, match="has no version in use"):
        prune_box(site.box)
    assert tree(site.box.root) == before


def test_what_does_not_carry_the_name_of_a_version_is_left_alone(versions, site):
    """Among it what a restore that was killed goes on from."""
    others = {".partial-" + "0" * 64, "notes", ".removed-by-hand"}
    for name in others:
        ((site.box.root / "versions") / name).mkdir()
    ((site.box.root / "versions") / ("0" * 64)).symlink_to(site.folder)

    prune_box(site.box)

    assert on_disk(site) == hexes(*versions[1:]) | others | {"0" * 64}


def test_a_prune_that_is_killed_after_any_change_leaves_whole_versions_and_the_next_goes_on(versions, site):
    assert killed_before_step(3, partial(prune_box, site.box)), "aside, and nothing of it gone yet"
    kills = 1
    while killed_before_step(4, partial(prune_box, site.box)):  # each comes one file further
        assert_whole(folder for folder in site.box.restored() if not folder.name.startswith(".removed-"))
        kills += 1
        assert kills < 100
    assert kills > 5, "the negative control: they were killed half-way"
    assert on_disk(site) == hexes(*versions[1:])


def left_by_a_kill(site, digest):
    """Leave what a prune that was killed leaves of a version."""
    left = (site.box.root / "versions") / f".removed-{digest.hex}"
    (left / "huggingface").mkdir(parents=True)
    (left / "huggingface" / "blob").write_bytes(b"half")


def test_what_a_kill_left_is_planned_for_and_not_in_the_way_of_the_same_version(versions, site):
    left_by_a_kill(site, versions[0])
    assert [folder.name[:9] for folder in plan_box_prune(site.box).remove] == [".removed-", versions[0].hex[:9]]
    prune_box(site.box)
    assert on_disk(site) == hexes(*versions[1:])


def test_a_restore_takes_away_what_a_killed_prune_left(versions, site):
    left_by_a_kill(site, versions[0])
    site.restore("3.0")
    assert on_disk(site) == hexes(*versions)


class LockedBox(BoxFolder):
    """Loses nothing but by whoever holds its lock."""

    def remove(self, folder):
        descriptor = os.open(self.root, os.O_RDONLY)
        try:
            with pytest.raises(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(descriptor)
        BoxFolder.remove(self, folder)


def test_nobody_else_changes_the_box_meanwhile(versions, site):
    assert prune_box(LockedBox(root=site.box.root)).remove
    assert on_disk(site) == hexes(*versions[1:])


def test_a_file_that_is_open_stays_readable(versions, site):
    with next(site.box.version(versions[0]).glob("huggingface/hub/*/snapshots/*/config.yaml")).open("rb") as file:
        prune_box(site.box)
        assert file.read() == b"old"
