"""No command writes through a link that another user planted at one of its paths."""

import os

import pytest
from support.caches import NEW, OLD, published
from support.wheels import FOR_311, WHEELS, WheelSite
from support.works_on_boxes import fetch_all_wheels, repair_in_place, version_in_use

from diarize_runner.cache.box.folder import find_cache
from diarize_runner.cache.documents import layout
from diarize_runner.cache.documents.manifest import ARCHIVE_NAME, MANIFEST_NAME, REQUIREMENTS_NAME


@pytest.fixture
def precious(tmp_path):
    """A file that must not change."""
    file = tmp_path / "precious"
    file.write_bytes(b"precious")
    yield file
    assert file.read_bytes() == b"precious"


def staged_paths(site):
    """Return every path that a restore writes in its staging folder."""
    manifest = published(site.store)
    blobs = [f"{span.path}.incomplete" for span in manifest.archive.blobs]
    refs = [layout.ref_path(repo) for repo in manifest.repos]
    return [site.box.staging_folder(manifest.digest) / name for name in (*blobs, *refs, "manifest.json", "runtime.env")]


@pytest.mark.parametrize("plant", [os.symlink, os.link])
def test_a_restore_writes_through_no_link(plant, site, precious):
    site.publish("2.0", NEW)
    for place in staged_paths(site):
        place.parent.mkdir(parents=True, exist_ok=True)
        plant(precious, place)

    site.restore()

    assert version_in_use(site.folder) == "2.0"


def test_a_restore_replaces_a_link_at_its_staging_folder(site, tmp_path):
    digest = site.publish("2.0", NEW).pointer.manifest.content.digest
    (tmp_path / "elsewhere").mkdir()
    (site.box.root / "versions").mkdir(parents=True)
    site.box.staging_folder(digest).symlink_to(tmp_path / "elsewhere")

    site.restore()

    assert version_in_use(site.folder) == "2.0"
    assert [*(tmp_path / "elsewhere").iterdir()] == []


@pytest.mark.parametrize("plant", [os.symlink, os.link])
def test_a_repair_writes_through_no_link(plant, site, precious):
    site.publish("1.0", OLD)
    site.restore()
    root = find_cache(site.box.root)
    (ref,) = (root / layout.ref_path(repo) for repo in published(site.store).repos)
    for broken in (ref, *root.glob("huggingface/hub/*/blobs/*")):
        broken.unlink()
        plant(precious, broken.with_name(f"{broken.name}.incomplete"))

    repair_in_place(site.folder)

    assert version_in_use(site.folder) == "1.0"


@pytest.mark.parametrize("plant", [os.symlink, os.link])
def test_wheels_are_written_through_no_link(plant, tmp_path, precious):
    site = WheelSite(folder=tmp_path / "site")
    site.publish("1.0")
    (site.folder / "wheels/.incoming").mkdir(parents=True)
    for name in FOR_311:
        plant(precious, site.folder / f"wheels/.incoming/{name}.incomplete")

    fetch_all_wheels(site.folder)

    for name in FOR_311:
        assert (site.folder / "wheels" / name).read_bytes() == WHEELS[name]


@pytest.mark.parametrize("plant", [os.symlink, os.link])
def test_a_build_writes_through_no_link(plant, site, precious):
    site.built("1.0").mkdir(parents=True)
    for name in (ARCHIVE_NAME, REQUIREMENTS_NAME, MANIFEST_NAME):
        plant(precious, site.built("1.0") / name)

    site.publish("1.0", OLD)

    assert site.restore().cache.manifest.version == "1.0"


def test_fetching_wheels_replaces_a_link_at_its_incoming_folder(tmp_path):
    site = WheelSite(folder=tmp_path / "site")
    site.publish("1.0")
    (site.folder / "wheels").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (site.folder / "wheels/.incoming").symlink_to(tmp_path / "elsewhere")

    fetch_all_wheels(site.folder)

    assert {path.name for path in (site.folder / "wheels").glob("*.whl")} == FOR_311
    assert not (site.folder / "wheels/.incoming").is_symlink()
