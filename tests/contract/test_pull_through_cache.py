"""deploy/pull-through/nginx.conf: several boxes restore through a real nginx, and the origin sends each byte once."""

from functools import partial

import httpx
import pytest
from support.buckets import QUICK
from support.caches import LARGE, NEW, noise, with_file
from support.certificates import write_certificate
from support.images import IMAGES, ImageSite
from support.nginx import pull_through, require_nginx, serving_folder
from support.processes import race_threads
from support.web import files, serving

from diarize_runner.cache.box.environment_images import ImageQuery, fetch_images
from diarize_runner.cache.box.folder import BoxFolder
from diarize_runner.cache.box.restore import restore
from diarize_runner.cache.box.synced_folder import SyncedFolder
from diarize_runner.cache.documents.manifest import ARCHIVE_NAME
from diarize_runner.cache.published.find import LATEST, VersionQuery, find_version
from diarize_runner.cli import main
from diarize_runner.errors import ObjectNotFound, StoreError
from diarize_runner.progress import NoProgress
from diarize_runner.store.http import HttpStore

pytestmark = pytest.mark.usefixtures("isolated_environment")

BOXES = 4
IMAGE = "environment-cp311-cuda.squashfs"
PIECE = 4 << 20
"""`slice` in the recipe."""
LATEST_VERSION = VersionQuery(version=LATEST)


@pytest.fixture
def site(tmp_path):
    """A store with an archive of three pieces, and an image of three."""
    site = ImageSite(folder=tmp_path / "site")
    site.publish("1.0", LARGE, images={**IMAGES, IMAGE: noise(9 << 20, "image")})
    return site


@pytest.fixture
def origin(site, tmp_path):
    """A slow web server of the store: what two boxes want at once is still on its way when the second one asks."""
    require_nginx()
    with serving_folder(site.folder, tmp_path / "origin", rate="20m") as server:
        yield server


@pytest.fixture
def rack(origin, tmp_path):
    """The cache in front of it."""
    with pull_through(origin.url, tmp_path / "rack") as server:
        yield server


def opened(server):
    return HttpStore(f"{server.url}/store", QUICK)


def set_up(server, box):
    """Fetch what a box fetches: models, then images."""
    restore(opened(server), LATEST_VERSION, BoxFolder(root=box / "cache"), NoProgress())
    query = ImageQuery(version=LATEST_VERSION, python="3.11")
    fetch_images(opened(server), query, SyncedFolder(root=box / "images"), NoProgress())


def unchanging(sent):
    return [response for response in sent if "/latest/" not in response.path]


def test_of_what_several_boxes_fetch_at_once_the_origin_sends_each_byte_once(rack, origin, site, tmp_path):
    outcomes = race_threads([partial(set_up, rack, tmp_path / f"box{number}") for number in range(BOXES)])

    assert outcomes == [None] * BOXES
    sent = unchanging(origin.sent())
    assert {response.status for response in sent} == {206}
    assert len({(response.path, response.range) for response in sent}) == len(sent)
    fetched = {response.path.removeprefix("/") for response in sent}
    assert f"store/v1.0/{ARCHIVE_NAME}" in fetched
    assert sum(path.endswith(".squashfs") for path in fetched) == 2
    assert sum(response.size for response in sent) == sum((site.folder / path).stat().st_size for path in fetched)


def test_without_the_cache_the_origin_sends_them_to_each_box(origin, tmp_path):
    outcomes = race_threads([partial(set_up, origin, tmp_path / f"box{number}") for number in range(2)])

    assert outcomes == [None] * 2
    assert sum(response.size for response in unchanging(origin.sent())) > 2 * (18 << 20), "control"


@pytest.mark.parametrize("start", [0, PIECE - 10, PIECE, -5, None], ids=["begin", "across", "second", "end", "beyond"])
def test_a_range_is_that_of_the_file_wherever_it_lies_in_the_pieces(start, rack, site):
    data = (site.folder / f"store/v1.0/{ARCHIVE_NAME}").read_bytes()
    offset = len(data) if start is None else start % len(data)

    read = b"".join(opened(rack).read_range(f"v1.0/{ARCHIVE_NAME}", offset, 1000))

    assert read == data[offset : offset + 1000]


def test_a_new_latest_is_seen_at_once(rack, site, tmp_path):
    assert find_version(opened(rack), LATEST_VERSION).manifest.version == "1.0"

    site.publish("1.1", NEW)

    assert find_version(opened(rack), LATEST_VERSION).manifest.version == "1.1"


def test_a_version_is_found_as_soon_as_it_exists(rack, site):
    with pytest.raises(ObjectNotFound):
        find_version(opened(rack), VersionQuery(version="1.1"))

    site.publish("1.1", with_file(LARGE, "config.yaml", b"version: 4.0.1\n"))

    assert find_version(opened(rack), VersionQuery(version="1.1")).manifest.version == "1.1"


def restore_command(server, box):
    return main(["cache", "restore", "--store", f"{server.url}/store", "--into", str(box)])


def test_a_byte_that_changes_in_the_cache_is_refused_by_the_box(rack, tmp_path, capsys):
    assert restore_command(rack, tmp_path / "first") == 0
    pieces = [path for path in (rack.folder / "pieces").rglob("*") if path.is_file() and path.stat().st_size > PIECE]
    assert pieces
    for piece in pieces:
        data = bytearray(piece.read_bytes())
        data[-1000] ^= 1
        piece.write_bytes(data)

    assert restore_command(rack, tmp_path / "second") == 3

    assert f"error: {rack.url}/store/v1.0/{ARCHIVE_NAME}: " in capsys.readouterr().err
    assert not (tmp_path / "second/current").exists()


def test_what_is_cached_needs_no_origin_and_the_rest_fails(rack, origin):
    pinned = VersionQuery(version="1.0")
    first = find_version(opened(rack), pinned)
    origin.stop()

    assert find_version(opened(rack), pinned) == first
    with pytest.raises(StoreError, match=r"overloaded or failing \(HTTP 502\)$"):
        find_version(opened(rack), LATEST_VERSION)


@pytest.mark.parametrize("trusted", [True, False])
def test_an_origin_over_https_needs_a_certificate_that_the_cache_trusts(trusted, site, tmp_path):
    require_nginx()
    certificate, other = (write_certificate(tmp_path / name) for name in ("origin.pem", "other.pem"))
    with (
        serving(files(site.folder), certificate) as origin,
        pull_through(origin.url, tmp_path / "rack", certificates=certificate if trusted else other) as rack,
    ):
        found = [is_found(rack, version) for version in (LATEST, "1.0")]

    assert found == [trusted, trusted]
    assert bool(origin.requests) is trusted


def is_found(server, version):
    try:
        find_version(opened(server), VersionQuery(version=version))
    except StoreError:
        return False
    return True


@pytest.mark.parametrize("key", ["latest/manifest.json", "v1.0/manifest.json"])
def test_a_password_of_one_box_is_not_sent_to_the_origin(key, site, tmp_path, monkeypatch):
    require_nginx()
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login box password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with serving(files(site.folder)) as origin, pull_through(origin.url, tmp_path / "rack") as rack:
        opened(rack).read(key)
        opened(origin).read(key)

    through, directly = origin.requests
    assert "Authorization" not in through.headers
    assert "Authorization" in directly.headers, "control"


@pytest.mark.parametrize(("method", "path", "status"), [("PUT", "v1.0/manifest.json", 403), ("GET", "keys.json", 404)])
def test_it_only_reads_and_only_what_a_version_has(method, path, status, rack):
    assert httpx.request(method, f"{rack.url}/store/{path}", trust_env=False).status_code == status
