"""Two stores mixed: a box takes one store's version whole, or nothing and says why."""

import itertools
import shutil

import pytest
from support.caches import OLD, PIPELINE, Site, noise, tree
from support.web import ended, files, serving
from support.wheels import WHEELS, WheelSite

from diarize_runner.cache.box.follower import Follower
from diarize_runner.cache.box.restore import restore
from diarize_runner.cache.box.wheel_folder import WantedWheels, fetch_wheels
from diarize_runner.cache.documents.manifest import ARCHIVE_NAME, MANIFEST_NAME, REQUIREMENTS_NAME
from diarize_runner.cache.documents.pins import Target
from diarize_runner.cache.published.find import Wanted
from diarize_runner.errors import IntegrityError
from diarize_runner.progress import Silent
from diarize_runner.store.http import HttpStore
from diarize_runner.store.remote import Patience

MINE = {PIPELINE: {"config.yaml": b"mine", "a/weights.dat": noise(3000, "mine")}}
THEIRS = {PIPELINE: {"config.yaml": b"theirs", "a/weights.dat": noise(3000, "theirs")}}
"""The same names and sizes nearly everywhere, and no blob in common."""
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


def refused(site, version="latest"):
    """Hold a restore to an error, exit 3, that leaves the box as it was."""
    before = tree(site.box.root)
    with pytest.raises(IntegrityError) as refusal:
        site.restore(version)
    assert refusal.value.exit_code == 3
    assert tree(site.box.root) == before
    return refusal.value


def take(theirs, mine, *keys):
    for key in keys:
        shutil.copy(theirs.store.root / key, mine.store.root / key)


MANIFEST, ARCHIVE, POINTER = f"v1.0/{MANIFEST_NAME}", f"v1.0/{ARCHIVE_NAME}", f"latest/{MANIFEST_NAME}"
PARTS = (MANIFEST, ARCHIVE, POINTER)
MIXTURES = [keys for count in (1, 2) for keys in itertools.combinations(PARTS, count)]


@pytest.mark.parametrize("there", ["a fresh box", "a box that uses another version"])
@pytest.mark.parametrize("keys", MIXTURES, ids=" and ".join)
def test_a_store_with_parts_of_another_is_refused_and_nothing_is_kept(keys, there, mine, theirs):
    if there == "a box that uses another version":
        mine.publish("0.9", OLD)
        mine.restore("0.9")
        mine.publish_built("1.0")
    take(theirs, mine, *keys)

    refused(mine)


@pytest.mark.parametrize("keys", [(MANIFEST,), (ARCHIVE,)], ids=" and ".join)
def test_a_version_that_is_named_is_refused_where_its_manifest_and_archive_are_of_two_stores(keys, mine, theirs):
    take(theirs, mine, *keys)

    assert ARCHIVE_NAME in refused(mine, "1.0").message


def test_the_latest_folder_of_another_store_leads_to_no_version_of_this_one(mine, theirs):
    shutil.rmtree(mine.store.root / "latest")
    shutil.copytree(theirs.store.root / "latest", mine.store.root / "latest")

    assert refused(mine).message.endswith(f"{MANIFEST} is not the manifest that latest names")


class Alternating:
    """A store whose every request is answered from one of two, as `answers` say in turn."""

    def __init__(self, stores, answers):
        self.url, self._stores, self._answers, self.asked = "memory:", stores, iter(answers), 0

    def _next(self):
        self.asked += 1
        return self._stores[next(self._answers)]

    def read(self, key, *most):
        return self._next().read(key, *most)

    def read_range(self, key, offset, length):
        return self._next().read_range(key, offset, length)

    def folders(self, prefix, *, holding):
        return self._next().folders(prefix, holding=holding)


@pytest.mark.parametrize("answers", [*itertools.product((0, 1), repeat=REQUESTS)], ids=str)
def test_a_store_that_alternates_between_requests_gives_one_version_whole_or_an_error(answers, mine, theirs, tmp_path):
    box = Site(folder=tmp_path / "fresh").box
    store = Alternating((mine.store, theirs.store), answers)

    if len({*answers}) == 1:
        restored = restore(store, Wanted(version="latest"), box, Silent())
        of = (MINE, THEIRS)[answers[0]]
        assert {path.read_bytes() for path in restored.cache.root.rglob("blobs/*")} == {*of[PIPELINE].values()}
        assert store.asked == REQUESTS
    else:
        with pytest.raises(IntegrityError):
            restore(store, Wanted(version="latest"), box, Silent())
        assert tree(box.root) == {}


def test_a_blob_whose_first_half_is_of_one_store_and_whose_second_is_of_another_is_refused(tmp_path):
    """The server breaks off, and who answers then is another."""
    size = 200_000
    mine, theirs = (Site(folder=tmp_path / name) for name in ("mine", "theirs"))
    for site in (mine, theirs):
        site.publish("1.0", {PIPELINE: {"config.yaml": b"same", "weights.dat": noise(size, site.folder.name)}})
    of_mine, of_theirs = files(mine.store.root), files(theirs.store.root)
    whole, rest = [], []

    def origin(request):
        """Answer from the other store where somebody asks for less than the whole blob."""
        answer = of_mine(request)
        if not request.path.endswith(ARCHIVE_NAME) or len(answer.body) < size // 3:
            return answer
        (whole if len(answer.body) > size else rest).append(request)
        return answer if len(answer.body) > size else of_theirs(request)

    with serving(origin) as server:
        server.fails(ended(after=size // 2), when=lambda request: len(of_mine(request).body) > size)
        store = HttpStore(server.url, Patience(connect=5, silence=5, tries=3, pause=0.01))
        with pytest.raises(IntegrityError):
            restore(store, Wanted(version="latest"), mine.box, Silent())

    assert (len(whole), len(rest)) == (1, 1), "it was gone on with"
    assert tree(mine.box.root) == {}


@pytest.mark.parametrize("what", ["a wheel", "the requirements"])
def test_wheels_of_another_store_are_refused_and_the_folder_stays_as_it_was(what, tmp_path):
    mine, theirs = (WheelSite(folder=tmp_path / name) for name in ("mine", "theirs"))
    mine.publish("1.0")
    theirs.publish("1.0", wheels={**WHEELS, "common-2.0-py3-none-any.whl": noise(2000, "theirs")})
    if what == "the requirements":
        take(theirs, mine, f"v1.0/{REQUIREMENTS_NAME}")
    else:
        (key,) = mine.store.root.glob("wheels/sha256/*/common-*.whl")
        (other,) = theirs.store.root.glob("wheels/sha256/*/common-*.whl")
        shutil.copy(other, key)
    wanted = WantedWheels(of=Wanted(version="latest"), target=Target(python="3.11"))

    with pytest.raises(IntegrityError):
        fetch_wheels(mine.store, wanted, Follower(root=tmp_path / "wheels"), Silent())

    assert not [path for path in (tmp_path / "wheels").rglob("*") if path.suffix == ".whl"]
