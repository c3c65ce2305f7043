"""Blobs are fetched by range and hashed while written; a fetch resumes after a kill."""

from dataclasses import replace
from functools import partial

import pytest
from support.caches import PIPELINE, Site, flip, noise, published, tree
from support.kills import killed_after

from diarize_runner.cache.box.fetch import PublishedArchive, fetch_blobs, remove_partial
from diarize_runner.cache.documents.gzip_members import MEMBER_SIZE, STORED_MEMBER_SIZE
from diarize_runner.cache.documents.manifest import ARCHIVE_NAME
from diarize_runner.digests import hash_file
from diarize_runner.errors import IntegrityError, StoreError
from diarize_runner.progress import NoProgress
from diarize_runner.store.local import LocalStore

SIZE = 3 * MEMBER_SIZE + 1000
BIG = {PIPELINE: {"config.yaml": b"x", "weights.dat": noise(SIZE)}}


class MeteredStore(LocalStore):
    """Counts the bytes read by range; the connection breaks after `breaks_after` bytes."""

    def __init__(self, root, breaks_after=1 << 40):
        super().__init__(root)
        self.moved, self.left = 0, breaks_after

    def read_range(self, key, offset, length):
        for piece in super().read_range(key, offset, length):
            if len(piece) > self.left:
                raise StoreError("connection broken")
            self.left -= len(piece)
            self.moved += len(piece)
            yield piece


class RecordingProgress:
    """Records the calls of `advance`."""

    def __init__(self):
        self.calls = []

    def advance(self, stage, *, completed, total):
        self.calls.append((stage, completed, total))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    site = Site(folder=tmp_path_factory.mktemp("fetching"))
    site.publish("1.0", BIG)
    return site.store


@pytest.fixture
def span(store):
    return max(published(store, "1.0").archive.blobs, key=lambda span: span.length)


@pytest.fixture
def write_partial(span, tmp_path):
    """A function that writes the first bytes of the large blob to its partial file, as a killed run does."""

    def write(size, data=BIG[PIPELINE]["weights.dat"]):
        blob = tmp_path / span.path
        blob.parent.mkdir(parents=True)
        blob.with_name(f"{blob.name}.incomplete").write_bytes(data[:size])

    return write


NO_PROGRESS = NoProgress()


def fetch(store, span, folder, progress=NO_PROGRESS):
    return fetch_blobs(PublishedArchive(store=store, version="1.0"), (span,), folder, progress)


@pytest.mark.parametrize(
    ("present", "kept"),
    {
        "a byte": (1, 0),
        "a member": (MEMBER_SIZE, 1),
        "two and some": (2 * MEMBER_SIZE + 7, 2),
        "all": (SIZE, 3),
    }.values(),
)
def test_a_resumed_fetch_starts_after_the_last_whole_member(present, kept, store, span, write_partial, tmp_path):
    write_partial(present)

    moved = fetch(store, span, tmp_path)

    assert moved == span.length - kept * STORED_MEMBER_SIZE
    assert hash_file(tmp_path / span.path) == span.content
    assert [path.name for path in (tmp_path / span.path).parent.iterdir()] == [span.content.digest.hex]


def test_a_damaged_partial_file_is_fetched_again_from_the_start(store, span, write_partial, tmp_path):
    write_partial(2 * MEMBER_SIZE, data=bytes(2 * MEMBER_SIZE))

    moved = fetch(store, span, tmp_path)

    assert moved == span.length - 2 * STORED_MEMBER_SIZE + span.length
    assert hash_file(tmp_path / span.path) == span.content


def test_a_partial_file_longer_than_its_blob_is_truncated(store, span, write_partial, tmp_path):
    write_partial(5 * MEMBER_SIZE, data=BIG[PIPELINE]["weights.dat"] + bytes(2 * MEMBER_SIZE))

    fetch(store, span, tmp_path)

    assert hash_file(tmp_path / span.path) == span.content


def test_a_fetch_resumes_after_a_broken_connection(store, span, tmp_path):
    with pytest.raises(StoreError, match="connection broken"):
        fetch(MeteredStore(store.root, breaks_after=2 * STORED_MEMBER_SIZE + (2 << 20)), span, tmp_path)

    assert fetch(store, span, tmp_path) == span.length - 2 * STORED_MEMBER_SIZE
    assert hash_file(tmp_path / span.path) == span.content


def test_an_altered_blob_leaves_no_file(store, span, tmp_path):
    archive = store.root / "v1.0" / ARCHIVE_NAME
    flip(archive, span.offset + span.length // 2)
    try:
        with pytest.raises(IntegrityError):
            fetch(store, span, tmp_path)
    finally:
        flip(archive, span.offset + span.length // 2)

    assert all((tmp_path / path).is_dir() for path in tree(tmp_path))


def test_a_fetch_killed_at_any_time_fetches_at_most_one_member_twice(store, span, tmp_path):
    kills = 0
    for moment in range(8):
        folder = tmp_path / str(moment)
        kills += killed_after(0.004 * moment, partial(fetch, LocalStore(store.root), span, folder))
        arrived = sum(path.stat().st_size for path in folder.rglob("*.incomplete"))

        moved = fetch(store, span, folder)

        assert hash_file(folder / span.path) == span.content
        assert moved <= span.length - arrived + STORED_MEMBER_SIZE

    assert kills >= 2


def test_a_span_too_long_for_its_blob_is_refused_before_any_request(store, span, tmp_path):
    class Endless(LocalStore):
        def read_range(self, key, offset, length):
            raise AssertionError("the store got a request")

    longer = replace(span, length=span.length + 1)

    with pytest.raises(IntegrityError, match=rf"has a span of {span.length + 1:,} bytes for {SIZE:,} bytes of data$"):
        fetch(Endless(store.root), longer, tmp_path)

    assert tree(tmp_path) == {}


def test_progress_counts_bytes_and_ends_at_the_total(store, span, tmp_path):
    progress = RecordingProgress()

    fetch(store, span, tmp_path, progress)

    assert progress.calls[-1] == ("fetch", span.length, span.length)


def test_a_partial_file_can_be_removed(span, write_partial, tmp_path):
    write_partial(10)

    remove_partial(tmp_path / span.path)
    remove_partial(tmp_path / span.path)

    assert list((tmp_path / span.path).parent.iterdir()) == []
