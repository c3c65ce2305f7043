"""A restore brings a complete version or leaves the box unchanged, fetches only missing blobs, and is repeatable."""

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
    build_version,
    edit_json,
    flip,
    noise,
    published,
    tree,
    with_file,
    write_lock,
    write_request,
)
from support.disks import as_nobody, foreign_folder, lock_as_on_nfs, make_read_only, mounted
from support.kills import killed_after, killed_before_step
from support.processes import finished, race_processes, race_threads, start

from diarize_runner.cache.box.folder import BoxFolder, find_cache, read_manifest
from diarize_runner.cache.box.repair import repair
from diarize_runner.cache.box.restore import plan_restore, restore
from diarize_runner.cache.box.verify import verify
from diarize_runner.cache.documents import layout
from diarize_runner.cache.documents.gzip_members import STORED_MEMBER_SIZE
from diarize_runner.cache.documents.manifest import ARCHIVE_NAME
from diarize_runner.cache.published.catalogue import plan_prune
from diarize_runner.cache.published.find import LATEST, VersionQuery
from diarize_runner.cache.published.publish import publish
from diarize_runner.digests import hash_bytes
from diarize_runner.errors import DiskError, IntegrityError, ManifestError, ObjectNotFound, StoreError
from diarize_runner.progress import NoProgress
from diarize_runner.store.local import LocalStore

NEWER = with_file(TINY, "config.yaml", b"version: 4.0.1\n")


MOSTLY_BLOB = with_file(TINY, "weights.dat", noise(30_000))


class MeteredStore(LocalStore):
    """Counts the bytes read by range."""

    moved = 0

    def read_range(self, key, offset, length):
        for piece in super().read_range(key, offset, length):
            self.moved += len(piece)
            yield piece


class FailingStore(LocalStore):
    """Fails soon after the first gzip member of each longer blob."""

    def read_range(self, key, offset, length):
        yield from super().read_range(key, offset, min(length, STORED_MEMBER_SIZE + 1000))
        if length > STORED_MEMBER_SIZE:
            raise StoreError("connection broken")


def files_of(cache):
    """Return every file of every snapshot, read through its link."""
    return {
        repo.repo_id: {
            file.path: (cache.root / layout.snapshot_folder(repo) / file.path).read_bytes() for file in repo.files
        }
        for repo in cache.manifest.repos
    }


def names_in(folder):
    return {path.name for path in folder.iterdir()}


def link_target(link):
    return str(link.readlink())


def verified_version(site, *versions):
    """Verify the `current` version, which must be one of `versions`, and return it."""
    root = find_cache(site.box.root)
    manifest = read_manifest(root)
    assert verify(root, manifest, NoProgress()).require_ok()
    assert manifest.version in versions
    return manifest.version


def blob_of(site, version, path, repo_id=PIPELINE):
    """Return the path of a file's blob in a restored version."""
    manifest = published(site.store, version)
    content = hash_bytes((TINY if version == "1.0" else NEWER)[repo_id][path])
    return site.box.version_folder(manifest.digest) / layout.blob_path(repo_id, content.digest)


def test_a_restored_cache_holds_the_files_of_the_build(large, tmp_path):
    store = LocalStore(tmp_path / "store")
    publish(large.built("1.0"), store, NoProgress())

    restored = restore(store, VersionQuery(version="latest"), BoxFolder(root=tmp_path / "box"), NoProgress())

    assert files_of(restored.cache) == LARGE
    assert restored.plan.changed
    assert restored.cache.root == (tmp_path / "box" / "current").resolve()
    assert restored.cache.pipeline_folder.joinpath("config.yaml").read_bytes() == LARGE[PIPELINE]["config.yaml"]


def test_a_restored_cache_equals_the_archive_unpacked_by_tar(site, tmp_path):
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


@pytest.mark.parametrize("revision", ["refs/pr/1", "ada/fix-plda"])
def test_a_revision_with_slashes_is_restored_verified_repaired_and_found(site, revision):
    from huggingface_hub import hf_hub_download

    site.folder.mkdir()
    request = write_request(site.folder)
    request.write_text(request.read_text().replace("revision: main", f"revision: {revision}"))
    write_lock(request)
    build_version(request, site.built("1.0"))
    site.publish_built("1.0")

    cache = site.restore().cache

    found = hf_hub_download(
        PIPELINE, "LICENSE", revision=revision, cache_dir=site.box.current / layout.HUB, local_files_only=True
    )
    assert Path(found).read_bytes() == TINY[PIPELINE]["LICENSE"]
    ref = cache.root / layout.ref_path(cache.manifest.repos[0])
    assert ref.name == revision.rpartition("/")[2]
    shutil.rmtree(cache.root / layout.repo_folder(PIPELINE) / "refs")
    repair(cache.root, cache.manifest, site.store, NoProgress())
    assert verify(cache.root, cache.manifest, NoProgress()).require_ok()


def test_a_restored_box_holds_one_version_its_link_and_the_serial(site):
    site.publish("1.0")

    cache = site.restore().cache

    assert names_in(site.box.root / "versions") == {cache.manifest.digest.hex}
    assert names_in(site.box.root) == {"versions", "current", "serial"}
    assert (site.box.root / "serial").read_text() == "1\n"
    assert link_target(site.box.current) == f"versions/{cache.manifest.digest.hex}"


def test_a_second_restore_changes_and_fetches_nothing(site):
    site.publish("1.0")
    site.restore()
    before = tree(site.box.root)
    store = MeteredStore(site.store.root)

    again = restore(store, VersionQuery(version="latest"), site.box, NoProgress())

    assert not again.plan.changed
    assert (again.plan.bytes_to_move, again.plan.bytes_to_write, store.moved) == (0, 0, 0)
    assert tree(site.box.root) == before
    assert files_of(again.cache) == TINY


def test_a_plan_lists_the_bytes_to_fetch_and_fetches_nothing(site):
    manifest = site.build("1.0")
    site.publish_built("1.0")

    plan = plan_restore(site.store, VersionQuery(version="latest"), site.box, NoProgress())

    assert plan.changed
    assert plan.fetch == manifest.archive.blobs
    assert plan.bytes_to_write == sum({hash_bytes(d).digest: len(d) for d in TINY[PIPELINE].values()}.values()) + 700
    assert plan.bytes_to_move == sum(span.length for span in manifest.archive.blobs)
    assert not site.box.root.exists()


def test_a_restore_fetches_only_changed_blobs_and_links_the_others(site):
    site.publish("1.0")
    site.publish("1.1", NEWER)
    site.restore("1.0")
    store = MeteredStore(site.store.root)

    plan = restore(store, VersionQuery(version="1.1"), site.box, NoProgress()).plan

    (fetched,) = plan.fetch
    assert fetched.content == hash_bytes(NEWER[PIPELINE]["config.yaml"])
    assert store.moved == plan.bytes_to_move == fetched.length
    for path, repo_id in (
        ("LICENSE", PIPELINE),
        ("segmentation/weights.dat", PIPELINE),
        ("weights.dat", WEIGHTS),
    ):
        assert blob_of(site, "1.0", path, repo_id).samefile(blob_of(site, "1.1", path, repo_id))
    assert verified_version(site, "1.1")


def test_previous_links_to_the_old_version_and_going_back_fetches_nothing(site):
    site.publish("1.0")
    site.publish("1.1", NEWER)
    older, newer = (published(site.store, version).digest.hex for version in ("1.0", "1.1"))
    site.restore("1.0")
    assert not os.path.lexists(site.box.root / "previous")

    site.restore("1.1")
    assert link_target(site.box.root / "previous") == f"versions/{older}"
    back = site.restore("1.0")

    assert (link_target(site.box.current), link_target(site.box.root / "previous")) == (
        f"versions/{older}",
        f"versions/{newer}",
    )
    assert back.plan.changed
    assert back.plan.bytes_to_move == 0
    assert files_of(back.cache) == TINY


def test_a_version_with_the_same_blobs_fetches_nothing(site):
    site.publish("1.0")
    site.publish("1.1")
    site.restore("1.0")

    assert site.restore("1.1").plan.bytes_to_move == 0
    assert verified_version(site, "1.1")


def test_an_unknown_version_is_an_error_that_lists_the_published_ones(site):
    site.publish("1.0")
    site.publish("1.1", NEWER)

    with pytest.raises(ObjectNotFound) as refusal:
        site.restore("2.0")

    assert refusal.value.message == f"{site.store.url} has no version 2.0"
    assert refusal.value.hint == "published versions: 1.0, 1.1"
    assert not site.box.root.exists()


def test_an_empty_store_is_an_error(site):
    with pytest.raises(ObjectNotFound) as refusal:
        site.restore()

    assert refusal.value.message == f"{site.store.url} has no latest version"
    assert refusal.value.hint == "the store has no versions; check its address"


def test_a_manifest_whose_digest_differs_from_latest_is_refused(site):
    site.publish("1.0")
    edit_json(site.store.root / "v1.0" / "manifest.json", lambda manifest: manifest.update(created_by="somebody"))

    with pytest.raises(IntegrityError) as refusal:
        site.restore()

    expected = f"{site.store.url}: v1.0/manifest.json is not the manifest that latest names"
    assert refusal.value.message == expected
    assert refusal.value.hint == "publish it again"
    assert not site.box.root.exists()


def test_a_manifest_of_another_version_is_refused(site):
    site.publish("1.0")
    site.publish("2.0", NEWER)
    shutil.copy(site.store.root / "v2.0" / "manifest.json", site.store.root / "v1.0" / "manifest.json")

    with pytest.raises(IntegrityError, match=r"v1.0/manifest.json is the manifest of version 2.0$"):
        site.restore("1.0")

    assert not site.box.root.exists()


def is_refused(site, before, version="1.1"):
    """Restore 1.1; return True if it is refused and the box unchanged, False if it is complete."""
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
    """A site whose box uses 1.0 and whose store has an unrelated 1.1; `before` is a copy of the box."""
    site.publish("1.0", {PIPELINE: {"config.yaml": b"old"}})
    site.publish("1.1", MOSTLY_BLOB)
    site.restore("1.0")
    shutil.copytree(site.box.root, site.folder / "before", symlinks=True)
    return site


@pytest.mark.long
def test_a_flipped_bit_in_the_archive_is_refused_or_harmless(in_use):
    archive = in_use.store.root / "v1.1" / ARCHIVE_NAME
    before = tree(in_use.box.root)
    spans = published(in_use.store, "1.1").archive.blobs
    chance = random.Random(1)
    offsets = chance.sample(range(archive.stat().st_size), 140)
    harmed = []

    for offset in offsets:
        bit = chance.randrange(8)
        flip(archive, offset, bit)
        if is_refused(in_use, before):
            harmed.append(offset)
        flip(archive, offset, bit)

    in_a_blob = [offset for offset in offsets if any(0 <= offset - span.offset < span.length for span in spans)]
    assert set(harmed) <= set(in_a_blob)
    assert 20 < len(harmed) < 120


@pytest.mark.parametrize(("document", "least"), [("v1.1/manifest.json", 40), ("latest/manifest.json", 20)])
def test_a_flipped_bit_in_a_document_is_refused_or_harmless(document, least, in_use):
    """A change of white space or `previous` in the pointer is harmless; the digest pins every bit of the manifest."""
    before = tree(in_use.box.root)
    chance, harmed = random.Random(2), 0
    for offset in chance.sample(range((in_use.store.root / document).stat().st_size), 40):
        bit = chance.randrange(8)
        flip(in_use.store.root / document, offset, bit)
        harmed += is_refused(in_use, before, LATEST)
        flip(in_use.store.root / document, offset, bit)

    assert harmed >= least


@pytest.mark.parametrize("share", [0, 0.5, 0.999, 1])
def test_a_truncated_archive_is_refused_and_the_box_is_unchanged(share, in_use):
    end_of_blobs = max(span.offset + span.length for span in published(in_use.store, "1.1").archive.blobs)
    before = tree(in_use.box.root)
    os.truncate(in_use.store.root / "v1.1" / ARCHIVE_NAME, int(share * end_of_blobs) - (share == 1))

    assert is_refused(in_use, before)


def test_an_error_names_the_damaged_blob_and_its_archive(site):
    site.publish("1.0", {PIPELINE: {"weights.dat": noise(1000)}})
    (span,) = published(site.store, "1.0").archive.blobs
    flip(site.store.root / "v1.0" / ARCHIVE_NAME, span.offset + 200)

    with pytest.raises(IntegrityError) as refusal:
        site.restore("1.0")

    assert refusal.value.message.startswith(f"{site.store.url}/v1.0/{ARCHIVE_NAME}: {span.path} ")
    assert "publish it again under a new version" in refusal.value.hint
    assert not site.box.root.exists()


def test_an_archive_with_another_blob_is_refused(site):
    site.publish("1.0", {PIPELINE: {"config.yaml": b"good" * 100}})
    site.publish("1.1", {PIPELINE: {"config.yaml": b"evil" * 100}})
    shutil.copy(site.store.root / "v1.1" / ARCHIVE_NAME, site.store.root / "v1.0" / ARCHIVE_NAME)

    with pytest.raises(IntegrityError, match=r" is sha256:[0-9a-f]{64}, not sha256:[0-9a-f]{64}$"):
        site.restore("1.0")

    assert not site.box.root.exists()


def test_a_version_without_its_archive_is_refused_and_the_box_is_unchanged(in_use):
    before = tree(in_use.box.root)
    (in_use.store.root / "v1.1" / ARCHIVE_NAME).unlink()

    with pytest.raises(ObjectNotFound, match=f" has no v1.1/{ARCHIVE_NAME}$"):
        in_use.restore("1.1")

    assert tree(in_use.box.root) == before


def test_publishing_and_eight_concurrent_restores_work_on_nfs(site, monkeypatch):
    lock_as_on_nfs(monkeypatch)
    site.publish("1.0")

    outcomes = race_processes([lambda: site.restore("1.0")] * 8)

    assert outcomes == [None] * 8
    assert verified_version(site, "1.0")
    assert set(tree(site.store.root)) >= {"latest/.lock", "v1.0/.lock"}
    assert plan_prune(site.store, 1).remove == ()


def test_a_failed_restore_keeps_an_existing_empty_folder(site):
    site.publish("1.0")
    site.box.root.mkdir(mode=0o750)

    with pytest.raises(ObjectNotFound):
        site.restore("2.0")

    assert site.box.root.stat().st_mode & 0o777 == 0o750
    assert tree(site.box.root) == {}


@pytest.mark.parametrize("over", ["nothing", "a damaged one"])
def test_a_version_folder_is_flushed_before_current_links_to_it(over, site, monkeypatch):
    digest = site.publish("1.0").pointer.manifest.content.digest
    if over == "a damaged one":
        site.restore("1.0")
        blob_of(site, "1.0", "LICENSE").unlink()
        site.box.current.unlink()
    flushed_while = {}

    def fsync(descriptor):
        has_current = os.path.lexists(site.box.current)
        flushed_while.setdefault(os.fstat(descriptor).st_ino, []).append(
            (site.box.staging_folder(digest).exists(), has_current)
        )

    monkeypatch.setattr(os, "fsync", fsync)
    site.restore("1.0")

    assert flushed_while[(site.box.root / "versions").stat().st_ino] == [(over == "a damaged one", False)]


@pytest.fixture(params=["into nothing", "over another version", "back to an older version", "over a damaged one"])
def restoring(request, site):
    """A site whose `latest` is 1.1, and the versions other than it that may be current during a restore."""
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


def require_intact(site, meanwhile):
    """Require that `current` is a complete version if it was before; None means that it was damaged."""
    if meanwhile is None:
        assert site.box.current.exists()
        return
    if meanwhile or os.path.lexists(site.box.current):
        verified_version(site, "1.1", *meanwhile)


def reset_box(site):
    """Replace the box by the copy made before."""
    shutil.rmtree(site.box.root, ignore_errors=True)
    if (site.folder / "before").exists():
        shutil.copytree(site.folder / "before", site.box.root, symlinks=True)


def test_a_restore_killed_at_any_step_keeps_current_intact_and_the_next_one_completes(restoring):
    site, meanwhile = restoring
    if site.box.root.exists():
        shutil.copytree(site.box.root, site.folder / "before", symlinks=True)
    site.restore("latest")
    finished_box = tree(site.box.root)
    assert site.box.serial == 2

    for step in itertools.count(1):
        reset_box(site)
        was_killed = killed_before_step(step, partial(site.restore, "latest"))
        require_intact(site, meanwhile)
        assert files_of(site.restore("latest").cache) == NEW
        assert tree(site.box.root) == finished_box
        if not was_killed:
            break

    assert step > 20


def test_rewriting_lost_files_killed_at_any_step_is_completed_by_the_next_restore(site):
    site.publish("1.0", NEW)
    root = site.restore().cache.root
    finished_box = tree(site.box.root)

    for step in itertools.count(1):
        for path in (root / "runtime.env", root / "manifest.json", site.box.root / "serial"):
            path.unlink()
        was_killed = killed_before_step(step, partial(site.restore, "latest"))
        assert verify(root, published(site.store), NoProgress()).ok
        assert not site.restore().plan.reuse
        assert tree(site.box.root) == finished_box
        if not was_killed:
            break

    assert step > 8


@pytest.mark.long
def test_a_restore_killed_at_any_time_is_completed_by_the_next_one(site):
    site.publish("1.0", LARGE)
    site.restore("1.0")
    finished_box = tree(site.box.root)
    kills, chance = 0, random.Random(3)

    for _ in range(30):
        shutil.rmtree(site.box.root)
        kills += killed_after(chance.uniform(0, 0.06), partial(site.restore, "1.0"))
        require_intact(site, {"1.0"} if os.path.lexists(site.box.current) else set())
        assert files_of(site.restore("1.0").cache) == LARGE
        assert tree(site.box.root) == finished_box

    assert kills >= 5


def test_a_restore_does_not_fetch_again_after_a_kill(site):
    manifest = site.build("1.0")
    site.publish_built("1.0")
    moved = []

    for step in itertools.count(1, 6):
        shutil.rmtree(site.box.root, ignore_errors=True)
        if not killed_before_step(step, partial(site.restore, "1.0")):
            break
        store = MeteredStore(site.store.root)
        restore(store, VersionQuery(version="1.0"), site.box, NoProgress())
        moved.append(store.moved)

    everything = sum(span.length for span in manifest.archive.blobs)
    assert (moved[0], moved[-1]) == (everything, 0)
    assert any(0 < some < everything for some in moved)


def test_a_restore_resumes_after_a_store_error_and_leaves_no_temporary_files(site):
    manifest = site.build("1.0", LARGE)
    site.publish_built("1.0")
    with pytest.raises(StoreError, match="connection broken"):
        restore(FailingStore(site.store.root), VersionQuery(version="1.0"), site.box, NoProgress())
    assert not os.path.lexists(site.box.current)

    again = site.restore("1.0")

    assert again.bytes_moved <= sum(span.length for span in manifest.archive.blobs) - STORED_MEMBER_SIZE
    assert files_of(again.cache) == LARGE
    assert names_in(site.box.root / "versions") == {manifest.digest.hex}


def test_a_restore_removes_the_leftovers_of_another_version(site):
    site.publish("1.0")
    site.publish("1.1", NEWER)
    site.restore("1.1")
    clean = tree(site.box.root)
    shutil.rmtree(site.box.root)
    assert killed_before_step(30, partial(site.restore, "1.0"))
    assert list((site.box.root / "versions").glob(".partial-*"))

    site.restore("1.1")

    assert tree(site.box.root) == clean


def test_an_empty_blob_after_a_crash_is_fetched_again(site):
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


def test_a_folder_name_may_end_like_a_partial_file(site):
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
def test_eight_concurrent_restores_all_succeed(race, site):
    site.publish("1.0", LARGE)

    assert race([lambda: site.restore("1.0")] * 8) == [None] * 8

    assert verified_version(site, "1.0")
    assert names_in(site.box.root) == {"versions", "current"}


@pytest.mark.long
@pytest.mark.parametrize("race", [race_threads, race_processes])
def test_a_failing_restore_does_not_break_concurrent_ones(race, site):
    site.publish("1.0")

    for _ in range(5):
        outcomes = race([lambda: site.restore("2.0"), lambda: site.restore("1.0")] * 4)
        assert sorted(map(str, outcomes)) == ["None"] * 4 + ["ObjectNotFound"] * 4
        assert verified_version(site, "1.0")
        shutil.rmtree(site.box.root)


@pytest.mark.parametrize("race", [race_threads, race_processes])
def test_two_versions_restored_concurrently_become_current_and_previous(race, site):
    site.publish("1.0")
    site.publish("1.1", NEWER)

    assert race([lambda: site.restore("1.0"), lambda: site.restore("1.1")]) == [None, None]

    ends = {link_target(site.box.root / name) for name in ("current", "previous")}
    assert ends == {f"versions/{published(site.store, version).digest.hex}" for version in ("1.0", "1.1")}
    assert verified_version(site, "1.0", "1.1")


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
def test_a_restore_fetches_only_the_damaged_blob(damage, site):
    site.publish("1.0")
    site.restore("1.0")
    clean = tree(site.box.root)
    blob = blob_of(site, "1.0", "segmentation/weights.dat")
    damage(blob)
    store = MeteredStore(site.store.root)

    healed = restore(store, VersionQuery(version="1.0"), site.box, NoProgress())

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
def test_a_restore_repairs_metadata_refs_and_links(path, damage, site):
    site.publish("1.0")
    site.restore("1.0")
    clean = tree(site.box.root)
    (damaged,) = site.box.current.glob(path)
    damaged.unlink()
    if damage == "altered":
        damaged.write_text("altered")

    assert site.restore("1.0").plan.changed

    assert tree(site.box.root) == clean


def test_a_restore_removes_a_stray_file(site):
    site.publish("1.0")
    cache = site.restore("1.0").cache
    clean = tree(site.box.root)
    (cache.pipeline_folder / "stray.py").write_text("x")

    assert site.restore("1.0").plan.changed

    assert tree(site.box.root) == clean


def test_a_restore_recreates_a_missing_current_link_without_fetching(site):
    site.publish("1.0")
    site.restore("1.0")
    clean = tree(site.box.root)
    site.box.current.unlink()

    assert site.restore("1.0").plan.bytes_to_move == 0

    assert tree(site.box.root) == clean


def test_runtime_env_can_be_sourced_for_any_path_of_the_box(tmp_path):
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


def test_the_path_of_a_box_may_be_relative(site, monkeypatch):
    site.publish("1.0")
    monkeypatch.chdir(site.folder)

    restore(site.store, VersionQuery(version="1.0"), BoxFolder(root=Path("box")), NoProgress())

    assert f"HF_HOME={site.box.current}/huggingface\n" in (site.box.current / "runtime.env").read_text()
    assert verified_version(site, "1.0")


def test_a_folder_without_a_cache_is_an_error_with_a_hint(tmp_path):
    with pytest.raises(ManifestError) as refusal:
        read_manifest(find_cache(tmp_path))

    assert refusal.value.message == f"{tmp_path} holds no restored cache: No such file or directory"
    assert (
        refusal.value.hint == "run: diarize-runner cache restore --store STORE --into DIR; or name a cache: --cache DIR"
    )


def test_find_cache_accepts_a_box_and_a_version_folder(site):
    site.publish("1.0")
    root = site.restore("1.0").cache.root

    assert find_cache(site.box.root) == root
    assert find_cache(root) == root


MANY = {PIPELINE: {"config.yaml": b"x", **{f"part-{number}": str(number).encode() for number in range(100)}}}


def test_a_disk_that_is_too_small_is_refused_before_any_fetch(large, tmp_path):
    store = MeteredStore(tmp_path / "store")
    publish(large.built("1.0"), store, NoProgress())

    with mounted(tmp_path / "disk", "size=4m") as disk:
        with pytest.raises(DiskError) as refusal:
            restore(store, VersionQuery(version="latest"), BoxFolder(root=disk / "box"), NoProgress())

        needed = re.escape(f"{disk}/box: the missing blobs need 9,440,") + r"\d{3} bytes and the disk has [\d,]+ left"
        assert re.fullmatch(needed, refusal.value.message)
        assert refusal.value.hint == "free some space, or restore --into another disk; nothing was written"
        assert store.moved == 0
        assert tree(disk) == {}


@pytest.mark.parametrize("options", ["size=256k", "size=4m,nr_inodes=60"], ids=["no blocks", "no inodes"])
def test_a_disk_that_fills_up_is_an_error_and_nothing_is_left(options, site):
    site.publish("1.0", MANY)

    with mounted(site.folder / "disk", options) as disk:
        with pytest.raises(DiskError, match=f"^{disk}/box/.*: No space left on device$") as refusal:
            restore(site.store, VersionQuery(version="1.0"), BoxFolder(root=disk / "box"), NoProgress())

        assert refusal.value.hint == "free some space, then run again"
        assert tree(disk) == {}


def test_a_disk_that_fills_up_keeps_the_current_version(site):
    site.publish("1.0")
    site.publish("1.1", MANY)

    with mounted(site.folder / "disk", "size=256k") as disk:
        box = BoxFolder(root=disk / "box")
        restore(site.store, VersionQuery(version="1.0"), box, NoProgress())
        before = tree(disk)

        with pytest.raises(DiskError):
            restore(site.store, VersionQuery(version="1.1"), box, NoProgress())

        assert tree(disk) == before


def test_a_read_only_disk_is_an_error(site):
    site.publish("1.0")

    with mounted(site.folder / "disk", "size=4m") as disk:
        make_read_only(disk)
        for root in (disk, disk / "box"):
            with pytest.raises(DiskError, match=f"^{root}.*: Read-only file system$") as refusal:
                restore(site.store, VersionQuery(version="1.0"), BoxFolder(root=root), NoProgress())
            assert refusal.value.hint == "choose a writable folder"


def test_restoring_the_current_version_works_on_a_read_only_disk(site):
    site.publish("1.0")

    with mounted(site.folder / "disk", "size=4m") as disk:
        box = BoxFolder(root=disk / "box")
        restore(site.store, VersionQuery(version="1.0"), box, NoProgress())
        make_read_only(disk)

        assert not restore(site.store, VersionQuery(version="1.0"), box, NoProgress()).plan.changed


def test_a_folder_of_another_user_is_an_error(tmp_path):
    def attempt():
        site.publish("1.0")
        box = BoxFolder(root=folder / "box")
        as_nobody()
        with pytest.raises(DiskError, match=f"^{box.root}: Permission denied$") as refusal:
            restore(site.store, VersionQuery(version="1.0"), box, NoProgress())
        assert refusal.value.hint == "check who owns the folder"

    with foreign_folder() as folder, foreign_folder() as other:
        other.chmod(0o755)
        site = Site(folder=other / "site")
        assert finished(start(attempt))


def test_an_unreadable_serial_is_a_disk_error():
    def attempt():
        (folder / "serial").write_text("1\n")
        (folder / "serial").chmod(0)
        as_nobody()
        with pytest.raises(DiskError, match=r"/serial: Permission denied$"):
            _ = BoxFolder(root=folder).serial

    with foreign_folder() as folder:
        folder.chmod(0o755)
        assert finished(start(attempt))


def test_a_target_that_is_not_a_folder_is_an_error(site):
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

    assert verified_version(site, "1.0")
