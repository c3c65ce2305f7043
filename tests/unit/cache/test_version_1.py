"""This release reads, upgrades and rolls back to files of release 0.1.0, and 0.1.0 refuses newer files."""

import json
import shutil

import pytest
from support.caches import Site, edit_json, tree
from support.local_host import LocalHost
from support.old_release import VECTORS, run_old

from diarize_runner.cache.box.switch import switch
from diarize_runner.cache.box.verify import verify
from diarize_runner.cache.documents.manifest import CacheManifest
from diarize_runner.cache.published.catalogue import list_versions, rollback
from diarize_runner.cache.published.copy_version import copy_version
from diarize_runner.cache.published.find import LATEST, VersionQuery
from diarize_runner.cache.published.latest import copy_latest, read_latest
from diarize_runner.cache.published.publish import publish
from diarize_runner.digests import hash_file
from diarize_runner.errors import IntegrityError, ManifestError
from diarize_runner.progress import NoProgress
from diarize_runner.store.local import LocalStore

MANIFESTS = [*sorted(VECTORS.glob("store/v*/manifest.json")), VECTORS / "manifest-with-wheels.json"]


@pytest.fixture
def site(tmp_path):
    """A site whose store was written by 0.1.0."""
    shutil.copytree(VECTORS / "store", tmp_path / "site/store")
    for name in ("huggingface-cache.tar.gz", "requirements-diarization.txt"):
        shutil.copy(VECTORS / "store/v1.0" / name, tmp_path / "site/store/latest")
    return Site(folder=tmp_path / "site")


def test_a_version_of_the_old_release_is_copied_byte_for_byte(site, tmp_path):
    usb = LocalStore(tmp_path / "usb")

    copied = copy_version(site.store, usb, VersionQuery(version=LATEST), NoProgress())
    copy_latest(site.store, usb, copied.manifest.version)

    folders = (f"v{copied.manifest.version}", "latest")
    assert [tree(usb.root / name) for name in folders] == [tree(site.store.root / name) for name in folders]


@pytest.fixture
def upgraded(site):
    """The same site with 1.1 published by this release: another config, and the checkpoint of 1.0."""
    site.restore("1.0")
    checkpoint = next(site.box.root.rglob("pytorch_model.bin")).read_bytes()
    shutil.rmtree(site.box.root)
    host = LocalHost(folder=site.folder / "host")
    host.folder.mkdir()
    host.ask_for({"config.yaml": b"version: 4.0.0\n", "segmentation/pytorch_model.bin": checkpoint})
    host.lock()
    host.build_version("1.1")
    publish(host.out, site.store, NoProgress())
    return site


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_version_1_manifest_keeps_its_bytes_and_its_digest(path):
    manifest = CacheManifest.from_bytes(path.read_bytes(), path.name)

    assert manifest.to_bytes() == path.read_bytes()
    assert manifest.digest == hash_file(path).digest
    assert manifest.created_by == "diarize-runner 0.1.0"
    assert bool(manifest.wheelhouse) == (path.name == "manifest-with-wheels.json")


def test_the_wheels_of_a_version_1_manifest_are_read():
    path = VECTORS / "manifest-with-wheels.json"
    document, wheelhouse = json.loads(path.read_bytes()), CacheManifest.from_bytes(path.read_bytes(), "").wheelhouse

    assert [wheel.to_dict() for wheel in wheelhouse.wheels] == document["wheels"]
    assert wheelhouse.installer.to_dict() == document["installer"]
    assert wheelhouse.page.to_dict() == document["wheels_page"]


@pytest.mark.parametrize("key", ["installer", "wheels_page", "wheels"])
def test_a_version_1_manifest_with_an_incomplete_wheelhouse_is_refused(key):
    document = json.loads((VECTORS / "manifest-with-wheels.json").read_bytes())
    del document[key]

    with pytest.raises(ManifestError, match=f"this key requires the key '{key}'"):
        CacheManifest.from_bytes(json.dumps(document).encode(), "manifest.json")


def test_a_version_1_cache_is_restored_and_verified(site):
    restored = site.restore(seen_serial=0)

    assert (restored.cache.manifest.version, site.box.serial) == ("1.0", 2)
    assert [(each.manifest.version, each.is_latest) for each in list_versions(site.store)] == [
        ("1.0", True),
        ("0.9", False),
    ]


def test_an_unsafe_version_1_checkpoint_is_refused_with_a_hint(site):
    with pytest.raises(IntegrityError, match=r"not safe to load: .*pytorch_model\.bin$") as refusal:
        site.restore("0.9")

    assert refusal.value.hint.startswith("build and publish a new version: cache build rewrites every checkpoint")
    assert not site.box.root.exists()


def test_the_old_release_refuses_new_formats_with_a_hint_and_keeps_its_cache(upgraded):
    store, box = upgraded.store, upgraded.box.root
    assert run_old("cache", "restore", "--store", store.url, "--into", box, "--version", "1.0")[0] == 0
    before = tree(box)

    for version, document in (("latest", "pointer"), ("1.1", "manifest")):
        code, output = run_old("cache", "restore", "--store", store.url, "--into", box, "--version", version)
        assert code == 1
        assert f"format 'diarize-runner/{document}/2' is not diarize-runner/{document}/1" in output
        assert "hint: use the diarize-runner release that wrote it" in output

    assert tree(box) == before
    assert run_old("cache", "verify", box)[0] == 0


def test_a_box_of_the_old_release_can_be_upgraded_and_switched_back(upgraded):
    store, box = upgraded.store, upgraded.box
    pointer = read_latest(store)
    assert (pointer.serial, pointer.version, pointer.previous) == (3, "1.1", "1.0")
    assert run_old("cache", "restore", "--store", store.url, "--into", box.root, "--version", "1.0")[0] == 0
    before = box.current.resolve()

    restored = upgraded.restore(seen_serial=box.serial)

    assert restored.cache.manifest.version == "1.1"
    assert len(restored.plan.reuse) == 1, "both versions share the checkpoint"
    back = switch(box, None, NoProgress())
    assert box.current.resolve() == before
    manifest = CacheManifest.from_bytes((box.current / "manifest.json").read_bytes(), "")
    assert verify(box.current.resolve(), manifest, NoProgress()).ok
    assert run_old("cache", "verify", box.root)[0] == 0
    assert back


def test_a_store_can_be_rolled_back_to_a_version_of_the_old_release(upgraded):
    upgraded.restore(seen_serial=0)

    pointer = rollback(upgraded.store, None).pointer

    assert (pointer.serial, pointer.version) == (4, "1.0")
    assert upgraded.restore(seen_serial=upgraded.box.serial).cache.manifest.version == "1.0"


def test_the_pickle_names_of_a_version_1_manifest_are_not_trusted(site):
    """A user who can write the store can write the list, so the checkpoint itself is checked."""

    def allow(document):
        (file,) = [file for file in document["repos"][0]["files"] if file["path"].endswith(".bin")]
        file["pickle_names"] = ["posix.system", *file["pickle_names"]]

    edit_json(site.store.root / "v0.9/manifest.json", allow)

    with pytest.raises(IntegrityError, match="not safe to load"):
        site.restore("0.9")
