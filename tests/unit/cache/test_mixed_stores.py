"""With files of two stores mixed, a box takes the complete version of one store or raises an error."""

import itertools
import shutil

import pytest
from support.caches import OLD, PIPELINE, Site, noise, tree
from support.web import ended, files, serving
from support.wheels import WHEELS, WheelSite

from diarize_runner.cache.box.restore import restore
from diarize_runner.cache.box.synced_folder import SyncedFolder
from diarize_runner.cache.box.wheel_folder import WheelQuery, fetch_wheels
from diarize_runner.cache.documents.manifest import ARCHIVE_NAME, MANIFEST_NAME, REQUIREMENTS_NAME
from diarize_runner.cache.documents.pins import Target
from diarize_runner.cache.published.find import VersionQuery
from diarize_runner.errors import IntegrityError
from diarize_runner.progress import NoProgress
from diarize_runner.store.http import HttpStore
from diarize_runner.store.remote import RetryPolicy

MINE = {PIPELINE: {"config.yaml": b"mine", "a/weights.dat": noise(3000, "mine")}}
THEIRS = {PIPELINE: {"config.yaml": b"theirs", "a/weights.dat": noise(3000, "theirs")}}
"""Nearly the same names and sizes as MINE, and no common blob."""
REQUESTS = 4
"""The pointer, the manifest, and two blobs."""


@pytest.fixture
def mine(tmp_path):
    site = Site(folder=tmp_path / "mine")
    site.publish("1.0", MINE)
    return site


@pytest.fixture
def theirs(tmp_path):
    site = Site(folder=tmp_path / "theirs")
    site.publish("1.0", THEIRS)
    return site


def require_refusal(site, version="latest"):
    """Require that a restore raises an error with exit code 3 and leaves the box unchanged; return the error."""
    before = tree(site.box.root)
    with pytest.raises(IntegrityError) as refusal:
        site.restore(version)
    assert refusal.value.exit_code == 3
    assert tree(site.box.root) == before
    return refusal.value


def copy_keys(theirs, mine, *keys):
    for key in keys:
        shutil.copy(theirs.store.root / key, mine.store.root / key)


MANIFEST, ARCHIVE, POINTER = f"v1.0/{MANIFEST_NAME}", f"v1.0/{ARCHIVE_NAME}", f"latest/{MANIFEST_NAME}"
PARTS = (MANIFEST, ARCHIVE, POINTER)
MIXTURES = [keys for count in (1, 2) for keys in itertools.combinations(PARTS, count)]


@pytest.mark.parametrize("state", ["a fresh box", "a box that uses another version"])
@pytest.mark.parametrize("keys", MIXTURES, ids=" and ".join)
def test_a_store_with_files_of_another_store_is_refused_and_the_box_is_unchanged(keys, state, mine, theirs):
    if state == "a box that uses another version":
        mine.publish("0.9", OLD)
        mine.restore("0.9")
        mine.publish_built("1.0")
    copy_keys(theirs, mine, *keys)

    require_refusal(mine)


@pytest.mark.parametrize("keys", [(MANIFEST,), (ARCHIVE,)], ids=" and ".join)
def test_a_version_whose_manifest_and_archive_are_from_two_stores_is_refused(keys, mine, theirs):
    copy_keys(theirs, mine, *keys)

    assert ARCHIVE_NAME in require_refusal(mine, "1.0").message


def test_the_latest_folder_of_another_store_is_refused(mine, theirs):
    shutil.rmtree(mine.store.root / "latest")
    shutil.copytree(theirs.store.root / "latest", mine.store.root / "latest")

    assert require_refusal(mine).message.endswith(f"{MANIFEST} is not the manifest that latest names")


class AlternatingStore:
    """A store that forwards each request to one of two stores, in the order of `answers`."""

    def __init__(self, stores, answers):
        self.url, self._stores, self._answers, self.requests = "memory:", stores, iter(answers), 0

    def _next(self):
        self.requests += 1
        return self._stores[next(self._answers)]

    def read(self, key, *most):
        return self._next().read(key, *most)

    def read_range(self, key, offset, length):
        return self._next().read_range(key, offset, length)

    def list_folders(self, prefix, *, containing):
        return self._next().list_folders(prefix, containing=containing)


@pytest.mark.parametrize("answers", [*itertools.product((0, 1), repeat=REQUESTS)], ids=str)
def test_an_alternating_store_gives_one_complete_version_or_an_error(answers, mine, theirs, tmp_path):
    box = Site(folder=tmp_path / "fresh").box
    store = AlternatingStore((mine.store, theirs.store), answers)

    if len({*answers}) == 1:
        restored = restore(store, VersionQuery(version="latest"), box, NoProgress())
        expected = (MINE, THEIRS)[answers[0]]
        assert {path.read_bytes() for path in restored.cache.root.rglob("blobs/*")} == {*expected[PIPELINE].values()}
        assert store.requests == REQUESTS
    else:
        with pytest.raises(IntegrityError):
            restore(store, VersionQuery(version="latest"), box, NoProgress())
        assert tree(box.root) == {}


def test_a_blob_with_halves_from_two_stores_is_refused(tmp_path):
    """The connection breaks, and another server answers the retry."""
    size = 200_000
    mine, theirs = (Site(folder=tmp_path / name) for name in ("mine", "theirs"))
    for site in (mine, theirs):
        site.publish("1.0", {PIPELINE: {"config.yaml": b"same", "weights.dat": noise(size, site.folder.name)}})
    of_mine, of_theirs = files(mine.store.root), files(theirs.store.root)
    whole, rest = [], []

    def origin(request):
        """Answer requests for a part of the blob from the other store."""
        answer = of_mine(request)
        if not request.path.endswith(ARCHIVE_NAME) or len(answer.body) < size // 3:
            return answer
        (whole if len(answer.body) > size else rest).append(request)
        return answer if len(answer.body) > size else of_theirs(request)

    with serving(origin) as server:
        server.fails(ended(after=size // 2), when=lambda request: len(of_mine(request).body) > size)
        store = HttpStore(server.url, RetryPolicy(connect_timeout=5, read_timeout=5, max_attempts=3, first_delay=0.01))
        with pytest.raises(IntegrityError):
            restore(store, VersionQuery(version="latest"), mine.box, NoProgress())

    assert (len(whole), len(rest)) == (1, 1), "the fetch was resumed"
    assert tree(mine.box.root) == {}


@pytest.mark.parametrize("what", ["a wheel", "the requirements"])
def test_wheels_of_another_store_are_refused_and_no_wheel_is_kept(what, tmp_path):
    mine, theirs = (WheelSite(folder=tmp_path / name) for name in ("mine", "theirs"))
    mine.publish("1.0")
    theirs.publish("1.0", wheels={**WHEELS, "common-2.0-py3-none-any.whl": noise(2000, "theirs")})
    if what == "the requirements":
        copy_keys(theirs, mine, f"v1.0/{REQUIREMENTS_NAME}")
    else:
        (key,) = mine.store.root.glob("wheels/sha256/*/common-*.whl")
        (other,) = theirs.store.root.glob("wheels/sha256/*/common-*.whl")
        shutil.copy(other, key)
    query = WheelQuery(version=VersionQuery(version="latest"), target=Target(python="3.11"))

    with pytest.raises(IntegrityError):
        fetch_wheels(mine.store, query, SyncedFolder(root=tmp_path / "wheels"), NoProgress())

    assert not [path for path in (tmp_path / "wheels").rglob("*") if path.suffix == ".whl"]
