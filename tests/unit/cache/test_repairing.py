"""A repair fixes a cache in place and fetches only the bad blobs."""

import shutil
import subprocess
from functools import partial

import pytest
from support.caches import PIPELINE, TINY, WEIGHTS, flip, published, tree
from support.damages import DAMAGES, add_newline, names
from support.kills import killed_before_step

from diarize_runner.cache.box.repair import repair
from diarize_runner.cache.box.verify import verify
from diarize_runner.cache.documents import layout
from diarize_runner.cache.documents.manifest import ARCHIVE_NAME
from diarize_runner.errors import IntegrityError
from diarize_runner.progress import NoProgress


@pytest.fixture
def cache(site):
    site.publish("1.0")
    return site.restore("1.0").cache


def repair_from(site, cache):
    return repair(cache.root, cache.manifest, site.store, NoProgress())


OBSTACLES = [name for name in DAMAGES if name.endswith("is a folder")]


@pytest.mark.parametrize("damage", [name for name in DAMAGES if name not in OBSTACLES])
def test_a_repair_fixes_the_damage_and_changes_nothing_else(damage, site, cache):
    what, do, _ = DAMAGES[damage]
    path = names(cache)[what]
    before = tree(cache.root)
    do(cache.root / path)

    repaired = repair_from(site, cache)

    assert repaired.repaired_paths == (path,)
    assert repaired.bytes_moved == sum(span.length for span in cache.manifest.archive.blobs if span.path == path)
    assert tree(cache.root) == before
    assert repaired.cache == cache


@pytest.mark.parametrize("damage", OBSTACLES)
def test_a_folder_that_blocks_the_repair_is_named_and_kept(damage, site, cache):
    what, do, _ = DAMAGES[damage]
    path = names(cache)[what]
    do(cache.root / path)
    damaged = tree(cache.root)

    with pytest.raises(IntegrityError) as refusal:
        repair_from(site, cache)

    assert refusal.value.message == f"{cache.root / path} blocks the repair"
    assert tree(cache.root) == damaged


def test_repairing_an_undamaged_cache_changes_and_fetches_nothing(site, cache):
    before = tree(cache.root)

    repaired = repair_from(site, cache)

    assert (repaired.repaired_paths, repaired.bytes_moved) == ((), 0)
    assert tree(cache.root) == before


def test_a_repair_completes_a_partly_unpacked_archive(site, cache, tmp_path):
    archive = site.store.root / "v1.0" / ARCHIVE_NAME
    subprocess.run(["tar", "-xzf", archive, "-C", tmp_path], check=True)
    whole = tree(tmp_path / "huggingface")
    shutil.rmtree(tmp_path / layout.repo_folder(WEIGHTS))

    repaired = repair(tmp_path, cache.manifest, site.store, NoProgress())

    assert {path for path in repaired.repaired_paths if "acme--weights" not in path} == set()
    assert tree(tmp_path / "huggingface") == whole


def test_a_repair_leaves_other_repositories_alone(site, cache):
    other = cache.root / layout.HUB / "models--somebody--else" / "blobs" / "x"
    other.parent.mkdir(parents=True)
    other.write_text("theirs")
    (cache.root / names(cache)["blob"]).unlink()

    repair_from(site, cache)

    assert other.read_text() == "theirs"


def test_an_unlisted_file_is_an_error_and_is_not_removed(site, cache):
    stray = cache.root / names(cache)["snapshot"] / "stray.py"
    stray.write_text("x")
    (cache.root / names(cache)["blob"]).unlink()

    with pytest.raises(IntegrityError, match=r"not in the manifest: .*/stray\.py$"):
        repair_from(site, cache)

    assert stray.exists()
    assert verify(cache.root, cache.manifest, NoProgress()).missing == ()


def test_a_repair_writes_nothing_through_a_link_out_of_the_cache(site, cache, tmp_path):
    blobs = cache.root / layout.repo_folder(WEIGHTS) / "blobs"
    shutil.move(blobs, tmp_path / "elsewhere")
    blobs.symlink_to(tmp_path / "elsewhere")
    for blob in (tmp_path / "elsewhere").iterdir():
        add_newline(blob)
    outside = tree(tmp_path / "elsewhere")

    with pytest.raises(IntegrityError, match=f"^{blobs} blocks the repair$"):
        repair_from(site, cache)

    assert tree(tmp_path / "elsewhere") == outside


def test_a_store_with_other_data_is_refused_and_the_cache_is_unchanged(site, cache):
    path = names(cache)["blob"]
    (cache.root / path).unlink()
    damaged = tree(cache.root)
    span = next(span for span in published(site.store, "1.0").archive.blobs if span.path == path)
    flip(site.store.root / "v1.0" / ARCHIVE_NAME, span.offset + 100)

    with pytest.raises(IntegrityError, match=" is sha256:") as refusal:
        repair_from(site, cache)

    assert refusal.value.exit_code == 3
    assert tree(cache.root) == damaged


def test_a_repair_does_not_change_the_previous_version(site, cache):
    site.publish("1.1", {**TINY, PIPELINE: {**TINY[PIPELINE], "config.yaml": b"newer"}})
    newer = site.restore("1.1").cache
    path = names(cache)["blob"]
    assert (cache.root / path).samefile(newer.root / path)
    flip(newer.root / path, 0)

    repair_from(site, newer)

    assert verify(newer.root, newer.manifest, NoProgress()).ok
    assert verify(cache.root, cache.manifest, NoProgress()).mismatched == (path,)


def test_a_repair_killed_at_any_step_is_completed_by_the_next_one(site, cache):
    whole = tree(cache.root)
    for step in range(1, 100):
        shutil.rmtree(cache.root / layout.repo_folder(WEIGHTS))
        was_killed = killed_before_step(step, partial(repair_from, site, cache))
        repair_from(site, cache)
        assert tree(cache.root) == whole
        if not was_killed:
            break

    assert step > 5
