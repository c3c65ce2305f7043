"""Verification compares every byte and link on disk with the manifest; only it creates a VerifiedCache."""

import dataclasses
import shutil

import pytest
import torch
from support.caches import PIPELINE, WEIGHTS, Site
from support.checkpoints import saved
from support.damages import DAMAGES, add_newline, names
from support.disks import as_nobody, foreign_folder
from support.processes import finished, start

from diarize_runner.cache.box.verify import VerifiedCache, verify
from diarize_runner.cache.documents import layout
from diarize_runner.errors import DiskError, IntegrityError
from diarize_runner.progress import NoProgress


@pytest.fixture
def cache(site):
    """A restored cache that a test may damage."""
    site.publish("1.0")
    return site.restore("1.0").cache


def report_of(cache):
    report = verify(cache.root, cache.manifest, NoProgress())
    return {
        kind: getattr(report, kind) for kind in ("missing", "mismatched", "extra", "unsafe") if getattr(report, kind)
    }


def test_an_unchanged_cache_is_verified(cache):
    report = verify(cache.root, cache.manifest, NoProgress())

    assert report.ok
    assert report.require_ok() == cache


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_verification_reports_exactly_the_damaged_path(damage, cache):
    what, do, kind = DAMAGES[damage]
    path = names(cache)[what]
    do(cache.root / path)

    assert report_of(cache) == {kind: (path,)}


STRAYS = {
    "in a snapshot": ("snapshot", "stray.py"),
    "deep in a snapshot": ("snapshot", "a/b/stray.py"),
    "among the blobs": ("repo", "blobs/" + "0" * 64),
    "a partial blob": ("repo", "blobs/" + "0" * 64 + ".incomplete"),
    "another ref": ("repo", "refs/pr"),
    "another snapshot": ("snapshots", "0" * 40 + "/config.yaml"),
    "beside the snapshots": ("snapshots", "stray"),
}


@pytest.mark.parametrize("stray", STRAYS)
def test_a_stray_file_inside_a_repository_is_reported(stray, cache):
    folder, name = STRAYS[stray]
    path = f"{names(cache)[folder]}/{name}"
    (cache.root / path).parent.mkdir(parents=True, exist_ok=True)
    (cache.root / path).write_text("x")

    assert report_of(cache) == {"extra": (path,)}


@pytest.mark.parametrize("target", ["/etc", "nowhere", "../../refs"])
def test_a_stray_link_to_a_folder_is_reported(target, cache):
    path = f"{names(cache)['snapshot']}/assets"
    (cache.root / path).symlink_to(target)

    assert report_of(cache) == {"extra": (path,)}


@pytest.mark.parametrize("kind", ["snapshots", "blobs", "refs"])
def test_a_folder_replaced_by_a_link_is_reported(kind, cache, tmp_path):
    """The relative links of a moved snapshot lead to blobs beside its new place."""
    path = f"{layout.repo_folder(WEIGHTS)}/{kind}"
    shutil.move(cache.root / path, tmp_path / "elsewhere" / kind)
    (cache.root / path).symlink_to(tmp_path / "elsewhere" / kind)

    assert report_of(cache) == {"extra": (path,)}


def test_files_that_huggingface_hub_writes_beside_a_repository_are_ignored(cache):
    hub = cache.root / layout.HUB
    for name in (".locks/models--acme--weights/x.lock", "version.txt", "models--acme--weights/.no_exist/0/x"):
        (hub / name).parent.mkdir(parents=True, exist_ok=True)
        (hub / name).write_text("x")

    assert report_of(cache) == {}


def test_every_difference_is_reported_at_once(cache):
    paths = names(cache)
    (cache.root / paths["blob"]).unlink()
    add_newline(cache.root / paths["ref"])
    (cache.root / paths["snapshot"] / "stray").write_text("x")

    with pytest.raises(IntegrityError) as refusal:
        verify(cache.root, cache.manifest, NoProgress()).require_ok()

    assert refusal.value.message == (
        f"{cache.root}: missing: {paths['blob']}; not as published: {paths['ref']}; "
        f"not in the manifest: {paths['snapshot']}/stray"
    )
    assert refusal.value.hint == "fetch the wrong files: diarize-runner cache verify DIR --repair --store STORE"


def test_an_empty_folder_is_reported_as_missing_every_file(cache, tmp_path):
    report = verify(tmp_path / "nowhere", cache.manifest, NoProgress())

    blobs = {span.path for span in cache.manifest.archive.blobs}
    links = {path for repo in cache.manifest.repos for path in layout.links(repo)}
    refs = {layout.ref_path(repo) for repo in cache.manifest.repos}
    assert set(report.missing) == blobs | links | refs
    assert (report.mismatched, report.extra, report.unsafe) == ((), (), ())


def test_a_config_that_loads_an_unlisted_class_is_reported(site):
    config = b"pipeline:\n  name: pyannote.audio.pipelines.SpeakerDiarization\n"
    site.publish("1.0", {PIPELINE: {"config.yaml": config, "model.bin": saved({"state": torch.zeros(2)})}})
    cache = site.restore("1.0").cache
    assert report_of(cache) == {}
    (repo,) = cache.manifest.repos
    unlisted = tuple(dataclasses.replace(file, class_names=()) for file in repo.files)
    manifest = dataclasses.replace(cache.manifest, repos=(dataclasses.replace(repo, files=unlisted),))

    report = verify(cache.root, manifest, NoProgress())

    path = f"{layout.snapshot_folder(repo)}/config.yaml"
    assert (report.ok, report.unsafe) == (False, (path,))
    with pytest.raises(IntegrityError) as refusal:
        report.require_ok()
    assert refusal.value.message == f"{cache.root}: not safe to load: {path}"


def test_a_cache_does_not_match_the_manifest_of_another_version(cache, tmp_path):
    other = Site(folder=tmp_path / "other").build("1.1", {PIPELINE: {"config.yaml": b"other"}})

    report = verify(cache.root, other, NoProgress())

    assert not report.ok
    assert report.missing
    assert report.extra


def test_only_verify_can_create_a_verified_cache(cache):
    for seal in (None, object(), True):
        with pytest.raises(TypeError, match=r"^create a VerifiedCache with verify"):
            VerifiedCache(root=cache.root, manifest=cache.manifest, _seal=seal)
    with pytest.raises(TypeError):
        VerifiedCache(root=cache.root, manifest=cache.manifest)
    with pytest.raises(dataclasses.FrozenInstanceError):
        cache.root = cache.root.parent


def test_an_unreadable_cache_is_a_disk_error():
    def attempt():
        site.publish("1.0")
        cache = site.restore("1.0").cache
        blob = cache.root / names(cache)["blob"]
        blob.chmod(0)
        as_nobody()
        with pytest.raises(DiskError, match=f"^{blob}: Permission denied$") as refusal:
            verify(cache.root, cache.manifest, NoProgress())
        assert refusal.value.hint == "check who owns the folder"

    with foreign_folder() as folder:
        folder.chmod(0o755)
        site = Site(folder=folder / "site")
        assert finished(start(attempt))
