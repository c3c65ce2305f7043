"""A repair mends a cache where it lies, from its store, and moves only what is bad."""

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
from diarize_runner.progress import Silent


@pytest.fixture
def cache(site):
    site.publish("1.0")
    return site.restore("1.0").cache


def mend(site, cache):
    return repair(cache.root, cache.manifest, site.store, Silent())


IN_THE_WAY = [name for name in DAMAGES if name.endswith("is a folder")]


@pytest.mark.parametrize("damage", [name for name in DAMAGES if name not in IN_THE_WAY])
def test_a_damage_is_mended_and_nothing_else_is_touched(damage, site, cache):
    what, do, _ = DAMAGES[damage]
    path = names(cache)[what]
    before = tree(cache.root)
    do(cache.root / path)

    repaired = mend(site, cache)

    assert repaired.mended == (path,)
    assert repaired.bytes_moved == sum(span.length for span in cache.manifest.archive.blobs if span.path == path)
    assert tree(cache.root) == before
    assert repaired.cache == cache


@pytest.mark.parametrize("damage", IN_THE_WAY)
def test_a_folder_in_the_way_is_named_and_left(damage, site, cache):
    what, do, _ = DAMAGES[damage]
    path = names(cache)[what]
    do(cache.root / path)
    damaged = tree(cache.root)

    with pytest.raises(IntegrityError) as refusal:
        mend(site, cache)

    assert refusal.value.message == f"{cache.root / path} is in the way of a repair"
    assert tree(cache.root) == damaged


def test_a_sound_cache_is_left_as_it_is_and_nothing_moves(site, cache):
    before = tree(cache.root)

    repaired = mend(site, cache)

    assert (repaired.mended, repaired.bytes_moved) == ((), 0)
    assert tree(cache.root) == before


def test_a_cache_that_tar_unpacked_in_part_is_made_whole(site, cache, tmp_path):
    archive = site.store.root / "v1.0" / ARCHIVE_NAME
    subprocess.run(["tar", "-xzf", archive, "-C", tmp_path], check=True)
    whole = tree(tmp_path / "huggingface")
    shutil.rmtree(tmp_path / layout.repo_folder(WEIGHTS))

    repaired = repair(tmp_path, cache.manifest, site.store, Silent())

    assert {path for path in repaired.mended if "acme--weights" not in path} == set()
    assert tree(tmp_path / "huggingface") == whole


def test_other_repositories_beside_the_cache_are_left_alone(site, cache):
    other = cache.root / layout.HUB / "models--somebody--else" / "blobs" / "x"
    other.parent.mkdir(parents=True)
    other.write_text("theirs")
    (cache.root / names(cache)["blob"]).unlink()

    mend(site, cache)

    assert other.read_text() == "theirs"


def test_what_does_not_belong_is_an_error_still_and_is_not_removed(site, cache):
    stray = cache.root / names(cache)["snapshot"] / "stray.py"
    stray.write_text("x")
    (cache.root / names(cache)["blob"]).unlink()

    with pytest.raises(IntegrityError, match=r"not in the manifest: .*/stray\.py$"):
        mend(site, cache)

    assert stray.exists()
    assert verify(cache.root, cache.manifest, Silent()).missing == ()


def test_nothing_is_written_through_a_link_out_of_the_cache(site, cache, tmp_path):
    blobs = cache.root / layout.repo_folder(WEIGHTS) / "blobs"
    shutil.move(blobs, tmp_path / "elsewhere")
    blobs.symlink_to(tmp_path / "elsewhere")
    for blob in (tmp_path / "elsewhere").iterdir():
        add_newline(blob)
    outside = tree(tmp_path / "elsewhere")

    with pytest.raises(IntegrityError, match=f"^{blobs} is in the way of a repair$"):
        mend(site, cache)

    assert tree(tmp_path / "elsewhere") == outside


def test_a_store_with_other_bytes_is_refused_and_the_damage_stays_as_it_was(site, cache):
    path = names(cache)["blob"]
    (cache.root / path).unlink()
    damaged = tree(cache.root)
    span = next(span for span in published(site.store, "1.0").archive.blobs if span.path == path)
    flip(site.store.root / "v1.0" / ARCHIVE_NAME, span.offset + 100)

    with pytest.raises(IntegrityError, match=" is sha256:") as refusal:
        mend(site, cache)

    assert refusal.value.exit_code == 3
    assert tree(cache.root) == damaged


def test_the_version_before_keeps_its_own_copy_of_a_mended_blob(site, cache):
    site.publish("1.1", {**TINY, PIPELINE: {**TINY[PIPELINE], "config.yaml": b"newer"}})
    newer = site.restore("1.1").cache
    path = names(cache)["blob"]
    assert (cache.root / path).samefile(newer.root / path)
    flip(newer.root / path, 0)

    mend(site, newer)

    assert verify(newer.root, newer.manifest, Silent()).ok
    assert verify(cache.root, cache.manifest, Silent()).mismatched == (path,)


def test_a_repair_that_was_killed_at_any_step_is_finished_by_the_next(site, cache):
    whole = tree(cache.root)
    for step in range(1, 100):
        shutil.rmtree(cache.root / layout.repo_folder(WEIGHTS))
        was_killed = killed_before_step(step, partial(mend, site, cache))
        mend(site, cache)
        assert tree(cache.root) == whole
        if not was_killed:
            break

    assert step > 5
