"""A restore brings a version whole or leaves the box as it was, moves only what is missing, and can be run again."""

import itertools
import os
import random
import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from support.caches import (
    LARGE,
    NEW,
    OLD,
    PIPELINE,
    TINY,
    WEIGHTS,
    Site,
    edit_json,
    flip,
    noise,
    published,
    tree,
    with_file,
)
from support.disks import as_nobody, foreign_folder, lock_as_on_nfs, make_read_only, mounted
from support.kills import killed_after, killed_before_step
from support.processes import finished, race_processes, race_threads, start

from diarize_runner.cache.box.folder import BoxFolder, find_cache, read_manifest
from diarize_runner.cache.box.restore import plan_restore, restore
from diarize_runner.cache.box.verify import verify
from diarize_runner.cache.documents import layout
from diarize_runner.cache.documents.gzip_members import STORED_MEMBER
from diarize_runner.cache.documents.manifest import ARCHIVE_NAME
from diarize_runner.cache.published.catalogue import plan_prune
from diarize_runner.cache.published.find import LATEST, Wanted
from diarize_runner.cache.published.publish import publish
from diarize_runner.digests import content_of
from diarize_runner.errors import DiskError, IntegrityError, ManifestError, ObjectNotFound, StoreError
from diarize_runner.progress import Silent
from diarize_runner.store.local import LocalStore

NEWER = with_file(TINY, "config.yaml", b"version: 4.0.1\n")


MOSTLY_BLOB = with_file(TINY, "weights.dat", noise(30_000))


class MeteredStore(LocalStore):
    """Counts the bytes that leave it by range."""

    moved = 0

    def read_range(self, key, offset, length):
        for piece in super().read_range(key, offset, length):
            self.moved += len(piece)
            yield piece


class FailingStore(LocalStore):
    """Breaks off soon after the first member of a blob that has more."""

    def read_range(self, key, offset, length):
        yield from super().read_range(key, offset, min(length, STORED_MEMBER + 1000))
        if length > STORED_MEMBER:
            raise StoreError("the line broke")


def files_of(cache):
    """Return what a consumer reads: every file of every snapshot, through its link."""
    return {
        repo.repo_id: {
            file.path: (cache.root / layout.snapshot_folder(repo) / file.path).read_bytes() for file in repo.files
        }
        for repo in cache.manifest.repos
    }


def names_in(folder):
    return {path.name for path in folder.iterdir()}


def leads_to(link):
    return str(link.readlink())


def sound(site, *versions):
    """Say that `current` is a whole version, and which; it must be one of `versions`."""
    root = find_cache(site.box.root)
    manifest = read_manifest(root)
    assert verify(root, manifest, Silent()).require_ok()
    assert manifest.version in versions
    return manifest.version


def blob_of(site, version, path, repo_id=PIPELINE):
    """Return where a file's blob lies in a restored version."""
    manifest = published(site.store, version)
    content = content_of((TINY if version == "1.0" else NEWER)[repo_id][path])
    return site.box.version(manifest.digest) / layout.blob_path(repo_id, content.digest)


def test_a_restored_cache_holds_what_went_into_the_build(large, tmp_path):
    store = LocalStore(tmp_path / "store")
    publish(large.built("1.0"), store, Silent())

    restored = restore(store, Wanted(version="latest"), BoxFolder(root=tmp_path / "box"), Silent())

    assert files_of(restored.cache) == LARGE
    assert restored.plan.changed
    assert restored.cache.root == (tmp_path / "box" / "current").resolve()
    assert restored.cache.pipeline_folder.joinpath("config.yaml").read_bytes() == LARGE[PIPELINE]["config.yaml"]


def test_a_restored_cache_is_byte_for_byte_what_tar_unpacks(site, tmp_path):
    site.publish("1.0")
    subprocess.run(["tar", "-xzf", site.store.root / "latest" / ARCHIVE_NAME, "-C", tmp_path], check=True)

    root = site.restore().cache.root

    assert tree(root / "huggingface") == tree(tmp_path / "huggingface")
    assert names_in(root) == {"huggingface", "manifest.json", "runtime.env"}
    assert (root / "manifest.json").read_bytes() == site.store.read("v1.0/manifest.json").data


def test_huggingface_hub_finds_every_file_of_a_restored_cache_offline(site):
    from huggingface_hub import hf_hub_download

    site.publish("1.0")
    site.restore()

    for repo_id, files in TINY.items():
        for path, data in files.items():
            hub = site.box.current / layout.HUB
            found = hf_hub_download(repo_id, path, revision="main", cache_dir=hub, local_files_only=True)
            assert Path(found).read_bytes() == data


def test_the_box_holds_one_version_and_the_link_to_it_and_nothing_else(site):
    site.publish("1.0")

    cache = site.restore().cache

    assert names_in(site.box.root / "versions") == {cache.manifest.digest.hex}
    assert names_in(site.box.root) == {"versions", "current", "serial"}
    assert (site.box.root / "serial").read_text() == "1\n"
    assert leads_to(site.box.current) == f"versions/{cache.manifest.digest.hex}"


def test_a_second_restore_changes_nothing_and_moves_nothing(site):
    site.publish("1.0")
    site.restore()
    before = tree(site.box.root)
    store = MeteredStore(site.store.root)

    again = restore(store, Wanted(version="latest"), site.box, Silent())

    assert not again.plan.changed
    assert (again.plan.bytes_to_move, again.plan.bytes_on_disk, store.moved) == (0, 0, 0)
    assert tree(site.box.root) == before
    assert files_of(again.cache) == TINY


def test_a_plan_says_what_would_move_and_moves_nothing(site):
    manifest = site.build("1.0")
    site.publish_built("1.0")

    plan = plan_restore(site.store, Wanted(version="latest"), site.box, Silent())

    assert plan.changed
    assert plan.fetch == manifest.archive.blobs
    assert plan.bytes_on_disk == sum({content_of(d).digest: len(d) for d in TINY[PIPELINE].values()}.values()) + 700
    assert plan.bytes_to_move == sum(span.length for span in manifest.archive.blobs)
    assert not site.box.root.exists()


def test_only_the_changed_blob_is_moved_and_the_others_are_the_same_files_as_before(site):
    site.publish("1.0")
    site.publish("1.1", NEWER)
    site.restore("1.0")
    store = MeteredStore(site.store.root)

    plan = restore(store, Wanted(version="1.1"), site.box, Silent()).plan

    (fetched,) = plan.fetch
    assert fetched.content == content_of(NEWER[PIPELINE]["config.yaml"])
    assert store.moved == plan.bytes_to_move == fetched.length
    for path, repo_id in (
        ("LICENSE", PIPELINE),
        ("segmentation/weights.dat", PIPELINE),
        ("weights.dat", WEIGHTS),
    ):
        assert blob_of(site, "1.0", path, repo_id).samefile(blob_of(site, "1.1", path, repo_id))
    assert sound(site, "1.1")


def test_previous_names_the_version_before_and_going_back_moves_nothing(site):
    site.publish("1.0")
    site.publish("1.1", NEWER)
    older, newer = (published(site.store, version).digest.hex for version in ("1.0", "1.1"))
    site.restore("1.0")
    assert not os.path.lexists(site.box.root / "previous")

    site.restore("1.1")
    assert leads_to(site.box.root / "previous") == f"versions/{older}"
    back = site.restore("1.0")

    assert (leads_to(site.box.current), leads_to(site.box.root / "previous")) == (
        f"versions/{older}",
        f"versions/{newer}",
    )
    assert back.plan.changed
    assert back.plan.bytes_to_move == 0
    assert files_of(back.cache) == TINY


def test_two_versions_with_the_same_blobs_move_nothing_between_them(site):
    site.publish("1.0")
    site.publish("1.1")
    site.restore("1.0")

    assert site.restore("1.1").plan.bytes_to_move == 0
    assert sound(site, "1.1")


def test_a_version_that_is_not_there_is_named_with_those_that_are(site):
    site.publish("1.0")
    site.publish("1.1", NEWER)

    with pytest.raises(ObjectNotFound) as refusal:
        site.restore("2.0")

    assert refusal.value.message == f"{site.store.url} has no version 2.0"
    assert refusal.value.hint == "published there: 1.0, 1.1"
    assert not site.box.root.exists()


def test_an_empty_store_says_that_nothing_is_published(site):
    with pytest.raises(ObjectNotFound) as refusal:
        site.restore()

    assert refusal.value.message == f"{site.store.url} has no latest version"
    assert refusal.value.hint == "nothing is published there: is that its address?"


def test_a_manifest_that_is_not_the_one_latest_names_is_refused(site):
    site.publish("1.0")
    edit_json(site.store.root / "v1.0" / "manifest.json", lambda manifest: manifest.update(created_by="somebody"))

    with pytest.raises(IntegrityError) as refusal:
        site.restore()

    expected = f"{site.store.url}: v1.0/manifest.json is not the manifest that latest names"
    assert refusal.value.message == expected
    assert refusal.value.hint == "publish it again"
    assert not site.box.root.exists()


def test_a_version_whose_manifest_is_of_another_version_is_refused(site):
    site.publish("1.0")
    site.publish("2.0", NEWER)
    shutil.copy(site.store.root / "v2.0" / "manifest.json", site.store.root / "v1.0" / "manifest.json")

    with pytest.raises(IntegrityError, match=r"v1.0/manifest.json is the manifest of version 2.0$"):
        site.restore("1.0")

    assert not site.box.root.exists()


def refused(site, before, version="1.1"):
    """Restore 1.1; say whether it was refused, the box being as before, or else that it is whole."""
    try:
        cache = site.restore(version).cache
    except (IntegrityError, ManifestError, ObjectNotFound):
        assert tree(site.box.root) == before
        return True
    assert files_of(cache) == MOSTLY_BLOB
    shutil.rmtree(site.box.root)
    shutil.copytree(site.folder / "before", site.box.root, symlinks=True)
    return False


@pytest.fixture
def in_use(site):
    """A site whose box uses 1.0, whose store has an unrelated 1.1, and a copy of that box."""
    site.publish("1.0", {PIPELINE: {"config.yaml": b"old"}})
    site.publish("1.1", MOSTLY_BLOB)
    site.restore("1.0")
    shutil.copytree(site.box.root, site.folder / "before", symlinks=True)
    return site


def test_a_flipped_bit_anywhere_in_the_archive_is_refused_or_harms_nothing(in_use):
    archive = in_use.store.root / "v1.1" / ARCHIVE_NAME
    before = tree(in_use.box.root)
    spans = published(in_use.store, "1.1").archive.blobs
    chance = random.Random(1)
    offsets = chance.sample(range(archive.stat().st_size), 140)
    harmed = []

    for offset in offsets:
        bit = chance.randrange(8)
        flip(archive, offset, bit)
        if refused(in_use, before):
            harmed.append(offset)
        flip(archive, offset, bit)

    in_a_blob = [offset for offset in offsets if any(0 <= offset - span.offset < span.length for span in spans)]
    assert set(harmed) <= set(in_a_blob)
    assert 20 < len(harmed) < 120


@pytest.mark.parametrize(("document", "least"), [("v1.1/manifest.json", 40), ("latest/manifest.json", 20)])
def test_a_flipped_bit_anywhere_in_a_document_is_refused_or_harms_nothing(document, least, in_use):
    """A pointer whose `previous` or white space changed leads to the same version; a manifest is pinned to the bit."""
    before = tree(in_use.box.root)
    chance, harmed = random.Random(2), 0
    for offset in chance.sample(range((in_use.store.root / document).stat().st_size), 40):
        bit = chance.randrange(8)
        flip(in_use.store.root / document, offset, bit)
        harmed += refused(in_use, before, LATEST)
        flip(in_use.store.root / document, offset, bit)

    assert harmed >= least


@pytest.mark.parametrize("share", [0, 0.5, 0.999, 1])
def test_an_archive_that_ends_within_its_blobs_is_refused_and_leaves_the_box_as_it_was(share, in_use):
    end_of_blobs = max(span.offset + span.length for span in published(in_use.store, "1.1").archive.blobs)
    before = tree(in_use.box.root)
    os.truncate(in_use.store.root / "v1.1" / ARCHIVE_NAME, int(share * end_of_blobs) - (share == 1))

    assert refused(in_use, before)


def test_a_refused_blob_is_named_with_its_archive(site):
    site.publish("1.0", {PIPELINE: {"weights.dat": noise(1000)}})
    (span,) = published(site.store, "1.0").archive.blobs
    flip(site.store.root / "v1.0" / ARCHIVE_NAME, span.offset + 200)

    with pytest.raises(IntegrityError) as refusal:
        site.restore("1.0")

    assert refusal.value.message.startswith(f"{site.store.url}/v1.0/{ARCHIVE_NAME}: {span.path} ")
    assert "publish it again under a new version" in refusal.value.hint
    assert not site.box.root.exists()


def test_an_archive_with_another_blob_in_its_place_is_refused(site):
    site.publish("1.0", {PIPELINE: {"config.yaml": b"good" * 100}})
    site.publish("1.1", {PIPELINE: {"config.yaml": b"evil" * 100}})
    shutil.copy(site.store.root / "v1.1" / ARCHIVE_NAME, site.store.root / "v1.0" / ARCHIVE_NAME)

    with pytest.raises(IntegrityError, match=r" is sha256:[0-9a-f]{64}, not sha256:[0-9a-f]{64}$"):
        site.restore("1.0")

    assert not site.box.root.exists()


def test_a_version_without_its_archive_is_refused_and_leaves_the_box_as_it_was(in_use):
    before = tree(in_use.box.root)
    (in_use.store.root / "v1.1" / ARCHIVE_NAME).unlink()

    with pytest.raises(ObjectNotFound, match=f" has no v1.1/{ARCHIVE_NAME}$"):
        in_use.restore("1.1")

    assert tree(in_use.box.root) == before


def test_on_nfs_a_version_is_published_and_eight_that_restore_at_once_all_succeed(site, monkeypatch):
    lock_as_on_nfs(monkeypatch)
    site.publish("1.0")

    outcomes = race_processes([lambda: site.restore("1.0")] * 8)

    assert outcomes == [None] * 8
    assert sound(site, "1.0")
    assert set(tree(site.store.root)) >= {"latest/.lock", "v1.0/.lock"}
    assert plan_prune(site.store, 1).remove == ()


def test_a_failed_restore_leaves_an_empty_folder_that_was_there(site):
    site.publish("1.0")
    site.box.root.mkdir(mode=0o750)

    with pytest.raises(ObjectNotFound):
        site.restore("2.0")

    assert site.box.root.stat().st_mode & 0o777 == 0o750
    assert tree(site.box.root) == {}


@pytest.mark.parametrize("over", ["nothing", "a damaged one"])
def test_the_name_of_a_version_is_on_the_disk_before_anything_leads_there(over, site, monkeypatch):
    digest = site.publish("1.0").pointer.manifest.content.digest
    if over == "a damaged one":
        site.restore("1.0")
        blob_of(site, "1.0", "LICENSE").unlink()
        site.box.current.unlink()
    flushed_while = {}

    def fsync(descriptor):
        led = os.path.lexists(site.box.current)
        flushed_while.setdefault(os.fstat(descriptor).st_ino, []).append((site.box.staging(digest).exists(), led))

    monkeypatch.setattr(os, "fsync", fsync)
    site.restore("1.0")

    assert flushed_while[(site.box.root / "versions").stat().st_ino] == [(over == "a damaged one", False)]


@pytest.fixture(params=["into nothing", "over another version", "back to an older version", "over a damaged one"])
def restoring(request, site):
    """A site where 1.1 is about to be restored, and the versions that may be current meanwhile."""
    site.publish("1.0", OLD)
    site.publish("1.1", NEW)
    if request.param == "into nothing":
        return site, set()
    if request.param == "back to an older version":
        site.restore("1.1")
    site.restore("1.0")
    if request.param == "over a damaged one":
        cache = site.restore("1.1").cache
        (cache.root / layout.ref_path(cache.manifest.repos[0])).write_text("x")
        return site, None
    return site, {"1.0"}


def require_unbroken(site, meanwhile):
    """Demand that a consumer would find a whole version, as it did before; a damaged one could not get worse."""
    if meanwhile is None:
        assert site.box.current.exists()
        return
    if meanwhile or os.path.lexists(site.box.current):
        sound(site, "1.1", *meanwhile)


def begin_again(site):
    """Make the box what it was before."""
    shutil.rmtree(site.box.root, ignore_errors=True)
    if (site.folder / "before").exists():
        shutil.copytree(site.folder / "before", site.box.root, symlinks=True)


def test_a_restore_that_was_killed_at_any_step_never_breaks_current_and_is_finished_by_the_next(restoring):
    site, meanwhile = restoring
    if site.box.root.exists():
        shutil.copytree(site.box.root, site.folder / "before", symlinks=True)
    site.restore("latest")
    finished_box = tree(site.box.root)
    assert site.box.serial == 2

    for step in itertools.count(1):
        begin_again(site)
        was_killed = killed_before_step(step, partial(site.restore, "latest"))
        require_unbroken(site, meanwhile)
        assert files_of(site.restore("latest").cache) == NEW
        assert tree(site.box.root) == finished_box
        if not was_killed:
            break

    assert step > 20


def test_a_repair_that_was_killed_at_any_step_never_breaks_current_and_is_finished_by_the_next(site):
    site.publish("1.0", NEW)
    root = site.restore().cache.root
    finished_box = tree(site.box.root)

    for step in itertools.count(1):
        for path in (root / "runtime.env", root / "manifest.json", site.box.root / "serial"):
            path.unlink()
        was_killed = killed_before_step(step, partial(site.restore, "latest"))
        assert verify(root, published(site.store), Silent()).ok
        assert not site.restore().plan.reuse
        assert tree(site.box.root) == finished_box
        if not was_killed:
            break

    assert step > 8


def test_a_restore_that_was_killed_at_any_moment_is_finished_by_the_next(site):
    site.publish("1.0", LARGE)
    site.restore("1.0")
    finished_box = tree(site.box.root)
    kills, chance = 0, random.Random(3)

    for _ in range(30):
        shutil.rmtree(site.box.root)
        kills += killed_after(chance.uniform(0, 0.06), partial(site.restore, "1.0"))
        require_unbroken(site, {"1.0"} if os.path.lexists(site.box.current) else set())
        assert files_of(site.restore("1.0").cache) == LARGE
        assert tree(site.box.root) == finished_box

    assert kills >= 5


def test_what_a_killed_restore_fetched_is_not_fetched_again(site):
    manifest = site.build("1.0")
    site.publish_built("1.0")
    moved = []

    for step in itertools.count(1, 6):
        shutil.rmtree(site.box.root, ignore_errors=True)
        if not killed_before_step(step, partial(site.restore, "1.0")):
            break
        store = MeteredStore(site.store.root)
        restore(store, Wanted(version="1.0"), site.box, Silent())
        moved.append(store.moved)

    everything = sum(span.length for span in manifest.archive.blobs)
    assert (moved[0], moved[-1]) == (everything, 0)
    assert any(0 < some < everything for some in moved)


def test_a_restore_whose_store_failed_is_gone_on_with_and_leaves_nothing_aside(site):
    manifest = site.build("1.0", LARGE)
    site.publish_built("1.0")
    with pytest.raises(StoreError, match="the line broke"):
        restore(FailingStore(site.store.root), Wanted(version="1.0"), site.box, Silent())
    assert not os.path.lexists(site.box.current)

    again = site.restore("1.0")

    assert again.bytes_moved <= sum(span.length for span in manifest.archive.blobs) - STORED_MEMBER
    assert files_of(again.cache) == LARGE
    assert names_in(site.box.root / "versions") == {manifest.digest.hex}


def test_what_a_killed_restore_left_is_gone_when_another_version_is_restored(site):
    site.publish("1.0")
    site.publish("1.1", NEWER)
    site.restore("1.1")
    clean = tree(site.box.root)
    shutil.rmtree(site.box.root)
    assert killed_before_step(30, partial(site.restore, "1.0"))
    assert list((site.box.root / "versions").glob(".partial-*"))

    site.restore("1.1")

    assert tree(site.box.root) == clean


def test_a_blob_that_a_crash_left_empty_in_a_killed_restore_does_not_stop_the_next(site):
    site.publish("1.0")
    site.restore("1.0")
    site.publish("1.1", NEWER)
    assert killed_before_step(45, partial(site.restore, "1.1"))
    staged = [path for path in (site.box.root / "versions").glob(".partial-*/**/blobs/*") if path.stat().st_size]
    assert staged
    for path in staged:
        path.unlink()
        path.write_bytes(b"")

    assert files_of(site.restore("1.1").cache) == NEWER


def test_a_folder_may_be_named_as_if_it_were_incomplete(site):
    odd = dict.fromkeys(["b.incomplete/c", "blobs/e.incomplete/f"], b"whole")
    repos = {PIPELINE: {"config.yaml": b"x", **odd}}
    site.publish("1.0", repos)

    for step in itertools.count(20):
        shutil.rmtree(site.box.root, ignore_errors=True)
        was_killed = killed_before_step(step, partial(site.restore, "1.0"))
        assert files_of(site.restore("1.0").cache) == repos
        if not was_killed:
            break

    assert step > 30


@pytest.mark.parametrize("race", [race_threads, race_processes])
def test_eight_that_restore_at_once_all_succeed(race, site):
    site.publish("1.0", LARGE)

    assert race([lambda: site.restore("1.0")] * 8) == [None] * 8

    assert sound(site, "1.0")
    assert names_in(site.box.root) == {"versions", "current"}


@pytest.mark.parametrize("race", [race_threads, race_processes])
def test_one_that_fails_beside_others_into_a_fresh_folder_does_them_no_harm(race, site):
    site.publish("1.0")

    for _ in range(5):
        outcomes = race([lambda: site.restore("2.0"), lambda: site.restore("1.0")] * 4)
        assert sorted(map(str, outcomes)) == ["None"] * 4 + ["ObjectNotFound"] * 4
        assert sound(site, "1.0")
        shutil.rmtree(site.box.root)


@pytest.mark.parametrize("race", [race_threads, race_processes])
def test_two_versions_restored_at_once_leave_one_of_them_current_and_the_other_previous(race, site):
    site.publish("1.0")
    site.publish("1.1", NEWER)

    assert race([lambda: site.restore("1.0"), lambda: site.restore("1.1")]) == [None, None]

    ends = {leads_to(site.box.root / name) for name in ("current", "previous")}
    assert ends == {f"versions/{published(site.store, version).digest.hex}" for version in ("1.0", "1.1")}
    assert sound(site, "1.0", "1.1")


def remove(path):
    path.unlink()


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


def alter(path):
    flip(path, 0)


def link_elsewhere(path):
    copy = path.parents[8] / "elsewhere"
    shutil.copy(path, copy)
    path.unlink()
    path.symlink_to(copy)


@pytest.mark.parametrize("damage", [remove, truncate, alter, link_elsewhere])
def test_a_damaged_blob_is_healed_by_the_next_restore_which_moves_it_alone(damage, site):
    site.publish("1.0")
    site.restore("1.0")
    clean = tree(site.box.root)
    blob = blob_of(site, "1.0", "segmentation/weights.dat")
    damage(blob)
    store = MeteredStore(site.store.root)

    healed = restore(store, Wanted(version="1.0"), site.box, Silent())

    assert healed.plan.changed
    assert [span.content.size for span in healed.plan.fetch] == [3000]
    assert store.moved == healed.plan.bytes_to_move
    assert tree(site.box.root) == clean


@pytest.mark.parametrize(
    "path",
    [
        "manifest.json",
        "runtime.env",
        "huggingface/hub/models--acme--weights/refs/main",
        "huggingface/hub/models--acme--weights/snapshots/*/weights.dat",
    ],
)
@pytest.mark.parametrize("damage", ["gone", "altered"])
def test_whatever_else_was_damaged_is_healed_by_the_next_restore(path, damage, site):
    site.publish("1.0")
    site.restore("1.0")
    clean = tree(site.box.root)
    (damaged,) = site.box.current.glob(path)
    damaged.unlink()
    if damage == "altered":
        damaged.write_text("altered")

    assert site.restore("1.0").plan.changed

    assert tree(site.box.root) == clean


def test_a_stray_file_is_gone_after_the_next_restore(site):
    site.publish("1.0")
    cache = site.restore("1.0").cache
    clean = tree(site.box.root)
    (cache.pipeline_folder / "stray.py").write_text("x")

    assert site.restore("1.0").plan.changed

    assert tree(site.box.root) == clean


def test_a_box_whose_current_link_is_gone_gets_it_back_without_moving_a_byte(site):
    site.publish("1.0")
    site.restore("1.0")
    clean = tree(site.box.root)
    site.box.current.unlink()

    assert site.restore("1.0").plan.bytes_to_move == 0

    assert tree(site.box.root) == clean


def test_the_runtime_environment_can_be_sourced_wherever_the_box_lies(tmp_path):
    site = Site(folder=tmp_path / 'it\'s a "$folder"')
    site.publish("1.0")
    site.restore("1.0")
    script = 'set -a; . "$1"; exec env -0'

    done = subprocess.run(["sh", "-c", script, "sh", site.box.current / "runtime.env"], capture_output=True, check=True)

    environment = dict(line.split("=", 1) for line in done.stdout.decode().split("\0") if line)
    assert environment["HF_HOME"] == str(site.box.current / "huggingface")
    assert Path(environment["HF_HUB_CACHE"]).is_dir()
    assert environment["HF_HUB_OFFLINE"] == "1"
    assert environment["PYANNOTE_METRICS_ENABLED"] == "0"


def test_a_box_may_be_named_by_a_relative_path(site, monkeypatch):
    site.publish("1.0")
    monkeypatch.chdir(site.folder)

    restore(site.store, Wanted(version="1.0"), BoxFolder(root=Path("box")), Silent())

    assert f"HF_HOME={site.box.current}/huggingface\n" in (site.box.current / "runtime.env").read_text()
    assert sound(site, "1.0")


def test_a_folder_without_a_cache_says_how_to_get_one(tmp_path):
    with pytest.raises(ManifestError) as refusal:
        read_manifest(find_cache(tmp_path))

    assert refusal.value.message == f"{tmp_path} holds no restored cache: No such file or directory"
    assert (
        refusal.value.hint
        == "restore a cache first, by cache restore; or say where one is, by --cache DIR or DIARIZE_RUNNER_CACHE"
    )


def test_a_cache_is_found_in_its_box_and_by_itself(site):
    site.publish("1.0")
    root = site.restore("1.0").cache.root

    assert find_cache(site.box.root) == root
    assert find_cache(root) == root


MANY = {PIPELINE: {"config.yaml": b"x", **{f"part-{number}": str(number).encode() for number in range(100)}}}


def test_too_small_a_disk_is_said_before_anything_moves(large, tmp_path):
    store = MeteredStore(tmp_path / "store")
    publish(large.built("1.0"), store, Silent())

    with mounted(tmp_path / "disk", "size=4m") as disk:
        with pytest.raises(DiskError) as refusal:
            restore(store, Wanted(version="latest"), BoxFolder(root=disk / "box"), Silent())

        needed = re.escape(f"{disk}/box: the cache needs 9,440,") + r"\d{3} bytes and the disk has [\d,]+ left"
        assert re.fullmatch(needed, refusal.value.message)
        assert refusal.value.hint == "free some space, or restore --into another disk; nothing was written"
        assert store.moved == 0
        assert tree(disk) == {}


@pytest.mark.parametrize("options", ["size=256k", "size=4m,nr_inodes=60"], ids=["no blocks", "no inodes"])
def test_a_disk_that_fills_up_on_the_way_is_said_and_nothing_is_left(options, site):
    site.publish("1.0", MANY)

    with mounted(site.folder / "disk", options) as disk:
        with pytest.raises(DiskError, match=f"^{disk}/box/.*: No space left on device$") as refusal:
            restore(site.store, Wanted(version="1.0"), BoxFolder(root=disk / "box"), Silent())

        assert refusal.value.hint == "free some space, then run again"
        assert tree(disk) == {}


def test_a_disk_that_fills_up_leaves_the_version_in_use(site):
    site.publish("1.0")
    site.publish("1.1", MANY)

    with mounted(site.folder / "disk", "size=256k") as disk:
        box = BoxFolder(root=disk / "box")
        restore(site.store, Wanted(version="1.0"), box, Silent())
        before = tree(disk)

        with pytest.raises(DiskError):
            restore(site.store, Wanted(version="1.1"), box, Silent())

        assert tree(disk) == before


def test_a_read_only_target_says_so(site):
    site.publish("1.0")

    with mounted(site.folder / "disk", "size=4m") as disk:
        make_read_only(disk)
        for root in (disk, disk / "box"):
            with pytest.raises(DiskError, match=f"^{root}.*: Read-only file system$") as refusal:
                restore(site.store, Wanted(version="1.0"), BoxFolder(root=root), Silent())
            assert refusal.value.hint == "choose a folder that can be written"


def test_a_version_in_use_on_a_read_only_disk_is_found_unchanged(site):
    site.publish("1.0")

    with mounted(site.folder / "disk", "size=4m") as disk:
        box = BoxFolder(root=disk / "box")
        restore(site.store, Wanted(version="1.0"), box, Silent())
        make_read_only(disk)

        assert not restore(site.store, Wanted(version="1.0"), box, Silent()).plan.changed


def test_a_target_of_somebody_elses_says_so(tmp_path):
    def attempt():
        site.publish("1.0")
        box = BoxFolder(root=folder / "box")
        as_nobody()
        with pytest.raises(DiskError, match=f"^{box.root}: Permission denied$") as refusal:
            restore(site.store, Wanted(version="1.0"), box, Silent())
        assert refusal.value.hint == "check who owns the folder"

    with foreign_folder() as folder, foreign_folder() as other:
        other.chmod(0o755)
        site = Site(folder=other / "site")
        assert finished(start(attempt))


def test_a_box_that_may_not_say_which_latest_it_followed_says_so():
    def attempt():
        (folder / "serial").write_text("1\n")
        (folder / "serial").chmod(0)
        as_nobody()
        with pytest.raises(DiskError, match=r"/serial: Permission denied$"):
            _ = BoxFolder(root=folder).serial

    with foreign_folder() as folder:
        folder.chmod(0o755)
        assert finished(start(attempt))


def test_a_target_that_is_no_folder_says_so(site):
    site.publish("1.0")
    site.box.root.write_text("x")

    with pytest.raises(DiskError, match=f"^{site.box.root}: Not a directory$"):
        site.restore("1.0")

    site.box.root.unlink()
    site.box.root.symlink_to("nowhere")
    with pytest.raises(DiskError, match=f"^{site.box.root}: File exists$"):
        site.restore("1.0")


def test_a_restore_runs_without_torch_pyannote_or_huggingface_hub(site):
    site.publish("1.0")
    script = (
        "import sys\n"
        "for name in ('torch', 'pyannote', 'huggingface_hub', 'numpy'): sys.modules[name] = None\n"
        "from diarize_runner.cli import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    arguments = ["cache", "restore", "--store", site.store.url, "--into", str(site.box.root)]

    subprocess.run([sys.executable, "-c", script, *arguments], check=True, capture_output=True)

    assert sound(site, "1.0")
