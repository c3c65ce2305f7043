"""A box whose cache is in the lower layer of an overlay, where folders cannot be renamed (EXDEV)."""

from functools import partial

import pytest
from support.caches import NEW, OLD, flip, tree
from support.disks import overlaid
from support.kills import killed_before_step
from support.labellers import label_all

from diarize_runner.cache.box.folder import read_manifest
from diarize_runner.cache.box.prune import prune_box
from diarize_runner.cache.box.verify import verify
from diarize_runner.progress import NoProgress
from diarize_runner.spool.claim import Claim

VERSIONS = {"1.0": OLD, "2.0": NEW, "3.0": {**OLD, "acme/more": {"weights.dat": b"more"}}}


@pytest.fixture
def imaged(site, tmp_path):
    """A box in an image, with three versions; the last is current."""
    for version, repos in VERSIONS.items():
        site.publish(version, repos)
        site.restore(version)
    (tmp_path / "layers").mkdir()
    with overlaid(site.box.root, tmp_path / "layers"):
        yield site


def require_verified(root):
    return verify(root, read_manifest(root), NoProgress()).require_ok()


def test_folders_of_the_image_cannot_be_renamed(imaged):
    """This shows that the other tests test something."""
    folder = imaged.box.version_folders()[0]
    with pytest.raises(OSError, match="Invalid cross-device link"):
        folder.rename(folder.with_name("other"))


def test_old_versions_of_the_image_are_pruned(imaged):
    kept = {imaged.box.current.resolve(), imaged.box.previous.resolve()}

    assert len(prune_box(imaged.box).remove) == 1

    assert {*imaged.box.version_folders()} == kept
    for root in kept:
        require_verified(root)
    assert prune_box(imaged.box).remove == ()


def test_a_killed_prune_leaves_no_half_version_and_the_next_one_continues(imaged):
    kills = 0
    while killed_before_step(5, partial(prune_box, imaged.box)):  # each run removes one more file
        for root in imaged.box.version_folders():
            if (root / "manifest.json").exists():
                require_verified(root)
        kills += 1
        assert kills < 100
    assert kills > 3, "the runs were killed half-way"
    assert len(imaged.box.version_folders()) == 2


def test_a_restore_replaces_a_damaged_version_of_the_image(imaged):
    blob = next(imaged.box.current.glob("huggingface/hub/*/blobs/*"))
    flip(blob, 1)

    imaged.restore("3.0")

    assert require_verified(imaged.box.current.resolve()).manifest.version == "3.0"
    assert len(imaged.box.version_folders()) == 3


def test_a_restore_returns_to_an_older_version_of_the_image(imaged):
    imaged.restore("1.0")

    assert require_verified(imaged.box.current.resolve()).manifest.version == "1.0"
    assert require_verified(imaged.box.previous.resolve()).manifest.version == "3.0"
    assert {path.name for path in (imaged.box.root / "versions").iterdir()} == {
        path.name for path in imaged.box.version_folders()
    }


def test_a_restore_resumes_one_that_was_killed_in_the_image(site, tmp_path):
    digest = site.publish("1.0", OLD).pointer.manifest.content.digest
    assert killed_before_step(12, partial(site.restore, "1.0"))
    assert site.box.staging_folder(digest).is_dir()
    (tmp_path / "layers").mkdir()
    with overlaid(site.box.root, tmp_path / "layers"):
        site.restore("1.0")

        assert require_verified(site.box.current.resolve()).manifest.version == "1.0"
        assert [path.name for path in (site.box.root / "versions").iterdir()] == [digest.hex]


def test_a_recording_claimed_in_the_image_is_labelled(tmp_path):
    spool = tmp_path / "spool"
    (spool / "inbox").mkdir(parents=True)
    (spool / "claimed/call").mkdir(parents=True)
    (spool / "claimed/call/call.wav").write_bytes(b"sound")
    Claim(folder=spool / "claimed/call", names=("call.wav",)).record_attempts(0)
    (tmp_path / "layers").mkdir()
    with overlaid(spool, tmp_path / "layers"):
        (outcome,) = label_all(spool)

        assert outcome.place == spool / "outbox/call"
        assert {"call.wav", "call.labelled.json", "call.labelled.srt"} == {*tree(outcome.place)}
        assert [*(spool / "claimed").iterdir()] == []
