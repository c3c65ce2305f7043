"""Blobs come by range and are hashed on the way; what a killed run had fetched of one is not fetched again."""

from dataclasses import replace
from functools import partial

import pytest
from support.caches import PIPELINE, Site, flip, noise, published, tree
from support.kills import killed_after

from diarize_runner.cache.box.fetch import PublishedArchive, fetch_blobs, forget_partial
from diarize_runner.cache.documents.gzip_members import MEMBER, STORED_MEMBER
from diarize_runner.cache.documents.manifest import ARCHIVE_NAME
from diarize_runner.digests import content_of_file
from diarize_runner.errors import IntegrityError, StoreError
from diarize_runner.progress import Silent
from diarize_runner.store.local import LocalStore

SIZE = 3 * MEMBER + 1000
BIG = {PIPELINE: {"config.yaml": b"x", "weights.dat": noise(SIZE)}}


class MeteredStore(LocalStore):
    """Counts the bytes that leave it by range; the line breaks after `breaks_after` of them."""

    def __init__(self, root, breaks_after=1 << 40):
        super().__init__(root)
        self.moved, self.left = 0, breaks_after

    def read_range(self, key, offset, length):
        for piece in super().read_range(key, offset, length):
            if len(piece) > self.left:
                raise StoreError("the line broke")
            self.left -= len(piece)
            self.moved += len(piece)
            yield piece


class Heard:
    """Remembers what progress it was told of."""

    def __init__(self):
        self.told = []

    def advance(self, stage, *, completed, total):
        self.told.append((stage, completed, total))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    site = Site(folder=tmp_path_factory.mktemp("fetching"))
    site.publish("1.0", BIG)
    return site.store


@pytest.fixture
def span(store):
    return max(published(store, "1.0").archive.blobs, key=lambda span: span.length)


@pytest.fixture
def partly(span, tmp_path):
    """Return what lays the beginning of the large blob where a killed run would have left it."""

    def lay(size, data=BIG[PIPELINE]["weights.dat"]):
        blob = tmp_path / span.path
        blob.parent.mkdir(parents=True)
        blob.with_name(f"{blob.name}.incomplete").write_bytes(data[:size])

    return lay


QUIET = Silent()


def fetch(store, span, folder, progress=QUIET):
    return fetch_blobs(PublishedArchive(store=store, version="1.0"), (span,), folder, progress)


@pytest.mark.parametrize(
    ("there", "kept"),
    {"a byte": (1, 0), "a member": (MEMBER, 1), "two and some": (2 * MEMBER + 7, 2), "all": (SIZE, 3)}.values(),
)
def test_only_what_follows_the_last_whole_member_is_fetched_again(there, kept, store, span, partly, tmp_path):
    partly(there)

    moved = fetch(store, span, tmp_path)

    assert moved == span.length - kept * STORED_MEMBER
    assert content_of_file(tmp_path / span.path) == span.content
    assert [path.name for path in (tmp_path / span.path).parent.iterdir()] == [span.content.digest.hex]


def test_what_is_wrong_with_what_was_kept_is_not_held_against_the_archive(store, span, partly, tmp_path):
    partly(2 * MEMBER, data=bytes(2 * MEMBER))

    moved = fetch(store, span, tmp_path)

    assert moved == span.length - 2 * STORED_MEMBER + span.length
    assert content_of_file(tmp_path / span.path) == span.content


def test_a_partial_longer_than_its_blob_is_cut(store, span, partly, tmp_path):
    partly(5 * MEMBER, data=BIG[PIPELINE]["weights.dat"] + bytes(2 * MEMBER))

    fetch(store, span, tmp_path)

    assert content_of_file(tmp_path / span.path) == span.content


def test_what_came_before_the_line_broke_is_kept_and_gone_on_with(store, span, tmp_path):
    with pytest.raises(StoreError, match="the line broke"):
        fetch(MeteredStore(store.root, breaks_after=2 * STORED_MEMBER + (2 << 20)), span, tmp_path)

    assert fetch(store, span, tmp_path) == span.length - 2 * STORED_MEMBER
    assert content_of_file(tmp_path / span.path) == span.content


def test_a_blob_that_was_altered_in_the_store_leaves_nothing_behind(store, span, tmp_path):
    archive = store.root / "v1.0" / ARCHIVE_NAME
    flip(archive, span.offset + span.length // 2)
    try:
        with pytest.raises(IntegrityError):
            fetch(store, span, tmp_path)
    finally:
        flip(archive, span.offset + span.length // 2)

    assert all((tmp_path / path).is_dir() for path in tree(tmp_path))


def test_a_fetch_that_was_killed_at_any_moment_moves_no_more_than_a_member_again(store, span, tmp_path):
    kills = 0
    for moment in range(8):
        folder = tmp_path / str(moment)
        kills += killed_after(0.004 * moment, partial(fetch, LocalStore(store.root), span, folder))
        arrived = sum(path.stat().st_size for path in folder.rglob("*.incomplete"))

        moved = fetch(store, span, folder)

        assert content_of_file(folder / span.path) == span.content
        assert moved <= span.length - arrived + STORED_MEMBER

    assert kills >= 2


def test_a_span_longer_than_its_blob_can_take_is_refused_before_any_of_it_is_asked_for(store, span, tmp_path):
    class Endless(LocalStore):
        def read_range(self, key, offset, length):
            raise AssertionError("it was asked for")

    longer = replace(span, length=span.length + 1)

    with pytest.raises(IntegrityError, match=rf"is said to take {span.length + 1:,} bytes for {SIZE:,}$"):
        fetch(Endless(store.root), longer, tmp_path)

    assert tree(tmp_path) == {}


def test_progress_is_told_in_bytes_and_ends_at_the_whole(store, span, tmp_path):
    heard = Heard()

    fetch(store, span, tmp_path, heard)

    assert heard.told[-1] == ("fetch", span.length, span.length)


def test_a_partial_can_be_forgotten(span, partly, tmp_path):
    partly(10)

    forget_partial(tmp_path / span.path)
    forget_partial(tmp_path / span.path)

    assert list((tmp_path / span.path).parent.iterdir()) == []
