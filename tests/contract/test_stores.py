"""The contract of every store.

To test another store, add a fixture that returns a StoreCase and name it in the lists below. Buckets are on moto, which
supports all conditions, and on Swift, a real server without If-Match.
"""

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest
from support.buckets import QUICK, PerProcessStore, sign_in
from support.caches import noise, tree
from support.kills import killed_before_step
from support.processes import race_processes, race_threads
from support.web import files, serving

from diarize_runner.cache.documents.manifest import MANIFEST_NAME
from diarize_runner.cache.published.keys import published_versions
from diarize_runner.digests import hash_bytes
from diarize_runner.errors import ObjectExists, ObjectNotFound, StoreError, SwapConflict, UsageError
from diarize_runner.store.address import open_store, open_writable_store
from diarize_runner.store.http import HttpStore
from diarize_runner.store.local import LocalStore
from diarize_runner.store.protocol import ArchiveStore, StoredDocument, WritableArchiveStore
from diarize_runner.store.s3.store import S3Store, UnconditionalS3Store

SWIFT = pytest.param("swift", marks=pytest.mark.swift)
READABLE_STORES = ["local", "web", "moto", SWIFT]
WRITABLE_STORES = ["local", "moto", SWIFT]
CONDITIONAL_STORES = ["local", "moto"]
RACES = {"threads": race_threads, "processes": race_processes}

UNUSUAL_KEYS = [
    "v1.0/with space",
    "v1.0/ünïcode-日本",
    "v1.0/%41%2f",
    "v1.0/a#b?c&d=e+f",
    "v1.0/-rf",
    "v1.0/*[x]{y}",
    "v1.0/'\"`$(id)",
    "v1.0/" + "long" * 50,
    "v1.0/deep/er/still",
    "alone",
]


@dataclass(frozen=True, kw_only=True)
class StoreCase:
    """A store, a writer for it if it is read-only, and a listing of all that it keeps, including partial objects."""

    store: ArchiveStore
    writer: WritableArchiveStore
    keys: Callable


@pytest.fixture
def local_case(tmp_path):
    store = LocalStore(tmp_path / "store")
    return StoreCase(
        store=store,
        writer=store,
        keys=lambda: {path for path, kind in tree(store.root).items() if kind != "folder"},
    )


@pytest.fixture
def web_case(isolated_environment, local_case):
    with serving(files(local_case.writer.root)) as server:
        yield StoreCase(store=HttpStore(server.url, QUICK), writer=local_case.writer, keys=local_case.keys)


@pytest.fixture
def moto_case(isolated_environment, moto_cloud, monkeypatch):
    return bucket_case(moto_cloud, monkeypatch, S3Store)


@pytest.fixture
def swift_case(isolated_environment, swift_cloud, monkeypatch):
    return bucket_case(swift_cloud, monkeypatch, UnconditionalS3Store)


def bucket_case(cloud, monkeypatch, opened):
    sign_in(monkeypatch, cloud)
    bucket = cloud.new_bucket()
    store = PerProcessStore(lambda: opened.at(f"s3://{bucket}/models", QUICK))

    def keys():
        assert cloud.unfinished(bucket) == []
        return {key.removeprefix("models/") for key in cloud.keys(bucket)}

    return StoreCase(store=store, writer=store, keys=keys)


@pytest.fixture
def case(request):
    return request.getfixturevalue(f"{request.param}_case")


@pytest.fixture
def store(case):
    return case.store


@pytest.fixture
def objects(case):
    """Return every object of the store."""
    return case.keys


@pytest.fixture
def overwrite(store, source):
    """Replace an object by creating a new one and copying it; return the new key."""
    fresh = (f"fresh/{number}" for number in itertools.count())

    def overwrite(key, data):
        name = next(fresh)
        store.create(name, source(data, "fresh"))
        store.copy(name, key)
        return name

    return overwrite


@pytest.mark.parametrize("case", READABLE_STORES, indirect=True)
class TestEveryStore:
    @pytest.mark.parametrize("data", [b"", b"x", noise(3 << 20)], ids=["empty", "small", "3 MiB"])
    def test_written_bytes_are_read_back(self, data, case, source):
        case.writer.create("v1.0/object", source(data))

        assert case.store.read("v1.0/object").data == data
        assert b"".join(case.store.read_range("v1.0/object", 0, len(data))) == data

    def test_a_missing_object_raises_object_not_found(self, case, source):
        case.writer.create("v1.0/other", source(b"x"))

        for key in ("v1.0/object", "v2.0/object", "object"):
            with pytest.raises(ObjectNotFound, match=f" has no {key}$"):
                case.store.read(key)
            for length in (0, 1):
                with pytest.raises(ObjectNotFound, match=f" has no {key}$"):
                    list(case.store.read_range(key, 0, length))

    @pytest.mark.parametrize(
        ("offset", "length", "expected"),
        [
            (0, 10, b"0123456789"),
            (3, 4, b"3456"),
            (9, 1, b"9"),
            (0, 0, b""),
            (5, 0, b""),
            (8, 5, b"89"),
            (10, 1, b""),
            (99, 5, b""),
        ],
    )
    def test_a_range_read_returns_exactly_the_requested_bytes(self, offset, length, expected, case, source):
        case.writer.create("v1.0/object", source(b"0123456789"))

        assert b"".join(case.store.read_range("v1.0/object", offset, length)) == expected

    def test_a_long_range_comes_in_chunks(self, case, source):
        data = noise(5 << 20)
        case.writer.create("v1.0/object", source(data))

        pieces = list(case.store.read_range("v1.0/object", 1000, 4 << 20))

        assert b"".join(pieces) == data[1000 : 1000 + (4 << 20)]
        assert max(map(len, pieces)) <= 1 << 20

    @pytest.mark.parametrize("key", UNUSUAL_KEYS)
    def test_keys_may_have_unusual_characters(self, key, case, source):
        case.writer.create(key, source(b"created"))

        assert case.store.read(key).data == b"created"
        assert b"".join(case.store.read_range(key, 1, 3)) == b"rea"


@pytest.mark.parametrize("case", WRITABLE_STORES, indirect=True)
class TestEveryWritableStore:
    @pytest.mark.parametrize("data", [b"", b"x", noise(3 << 20)], ids=["empty", "small", "3 MiB"])
    def test_the_digest_is_that_of_the_written_bytes(self, data, store, source):
        store.create("v1.0/object", source(data))

        assert store.digest("v1.0/object") == hash_bytes(data).digest
        with pytest.raises(ObjectNotFound, match=r" has no v2.0/object$"):
            store.digest("v2.0/object")

    @pytest.mark.parametrize("data", [b"", b"x", noise(3 << 20)], ids=["empty", "small", "3 MiB"])
    def test_the_size_is_that_of_the_written_bytes(self, data, store, source):
        store.create("v1.0/object", source(data))

        assert store.size("v1.0/object") == len(data)
        with pytest.raises(ObjectNotFound, match=r" has no v2.0/object$"):
            store.size("v2.0/object")

    def test_a_key_is_created_once(self, store, source, objects):
        store.create("v1.0/object", source(b"first"))

        with pytest.raises(ObjectExists) as refusal:
            store.create("v1.0/object", source(b"second"))

        assert refusal.value.message == f"{store.url} already has v1.0/object"
        assert refusal.value.hint == "build with a new --version"
        assert store.read("v1.0/object").data == b"first"
        assert objects() == {"v1.0/object"}

    def test_a_created_object_is_independent_of_its_source(self, store, source):
        path = source(b"first")
        store.create("v1.0/object", path)
        path.write_bytes(b"later")

        assert store.read("v1.0/object").data == b"first"

    def test_readers_never_see_a_partial_object_during_creation(self, store, source):
        data = noise(9 << 20)
        path, seen, done = source(data), set(), threading.Event()

        def size():
            try:
                return len(store.read("v1.0/object").data)
            except ObjectNotFound:
                return None

        def watch():
            while not done.is_set():
                seen.add(size())

        watcher = threading.Thread(target=watch)
        watcher.start()
        store.create("v1.0/object", path)
        done.set()
        watcher.join()

        assert None in seen
        assert seen <= {None, len(data)}

    def test_a_copy_replaces_an_existing_or_missing_object(self, store, overwrite, objects):
        copied = set()
        for data in (b"first", b"second"):
            copied.add(overwrite("latest/object", data))
            assert store.read("latest/object").data == data

        assert objects() == {"latest/object", *copied}

    @pytest.mark.parametrize("data", [b"", b"x", noise(3 << 20)], ids=["empty", "small", "3 MiB"])
    def test_a_copy_is_identical_and_keeps_the_original(self, data, store, source, objects):
        store.create("v1.0/object", source(data))

        store.copy("v1.0/object", "latest/object")

        assert [store.read(key).data for key in ("v1.0/object", "latest/object")] == [data, data]
        assert store.digest("latest/object") == hash_bytes(data).digest
        assert objects() == {"v1.0/object", "latest/object"}

    def test_a_copy_is_independent_of_the_original(self, store, overwrite):
        overwrite("v1.0/object", b"first")
        store.copy("v1.0/object", "latest/object")
        overwrite("v1.0/object", b"later")
        store.delete("v1.0/object")

        assert store.read("latest/object").data == b"first"

    def test_copying_a_missing_object_fails_and_keeps_the_target(self, store, source, objects):
        store.create("latest/object", source(b"old"))

        for key in ("latest/object", "latest/other"):
            with pytest.raises(ObjectNotFound, match=r" has no v1.0/object$"):
                store.copy("v1.0/object", key)

        assert store.read("latest/object").data == b"old"
        assert objects() == {"latest/object"}

    def test_a_deleted_key_can_be_created_again(self, store, source, objects):
        store.create("v1.0/object", source(b"first"))
        store.create("v1.0/other", source(b"other"))

        store.delete("v1.0/object")

        assert objects() == {"v1.0/other"}
        with pytest.raises(ObjectNotFound, match=r" has no v1.0/object$"):
            store.read("v1.0/object")
        store.create("v1.0/object", source(b"second"))
        assert store.read("v1.0/object").data == b"second"

    def test_deleting_a_missing_object_does_nothing(self, store, source, objects):
        store.create("v1.0/object", source(b"x"))

        for key in ("v1.0/other", "v2.0/object", "object"):
            store.delete(key)

        assert objects() == {"v1.0/object"}

    def test_a_folder_can_be_emptied_and_used_again(self, store, source, objects):
        store.create("v1.0/object", source(b"x"))
        store.delete("v1.0/object")

        assert objects() == set()
        store.create("v1.0/other", source(b"x"))
        assert objects() == {"v1.0/other"}

    def test_keys_begin_with_the_prefix(self, store, source):
        assert list(store.keys("")) == []
        every = {"v1.0/a", "v1.0/b/c", "v1.01/a", "v1.1/a", "latest/a"}
        for key in every:
            store.create(key, source(b"x"))

        assert set(store.keys("v1.0/")) == {"v1.0/a", "v1.0/b/c"}
        assert set(store.keys("v1.0")) == {"v1.0/a", "v1.0/b/c", "v1.01/a"}
        assert set(store.keys("v1.0/b/c")) == {"v1.0/b/c"}
        assert set(store.keys("")) == every
        assert list(store.keys("v2")) == []

    def test_an_object_is_found_as_it_is_listed(self, store, source):
        store.create("v1.0/object", source(b"data"))
        store.create("v1.0/object-2", source(b"more"))
        assert [store.find("v1.0/object"), store.find("v1.0/object-2")] == list(store.objects("v1.0/"))
        with pytest.raises(ObjectNotFound):
            store.find("v1.0/obj")

    def test_objects_are_listed_with_their_keys_and_sizes(self, store, source):
        assert list(store.objects("")) == []
        sizes = {"v1.0/ü": 1, "v1.0/b/c": 5, "v1.0/b-c": 7, "v1.0/a": 0, "v1.0/z": 2, "v2/a": 4}
        for key, size in sizes.items():
            store.create(key, source(noise(size)))

        def listed(prefix):
            return sorted((found.key, found.size) for found in store.objects(prefix))

        assert listed("") == sorted(sizes.items())
        assert listed("v1.0/b") == [("v1.0/b-c", 7), ("v1.0/b/c", 5)]
        assert listed("v1.0/b/c") == [("v1.0/b/c", 5)]
        assert listed("v3") == []

    def test_the_listed_state_changes_with_the_object(self, store, overwrite):
        def listed():
            (found,) = store.objects("v1.0/")
            return found

        overwrite("v1.0/object", b"first")
        first = listed()
        assert listed() == first

        overwrite("v1.0/object", b"other")

        assert listed().state != first.state
        assert listed().size == first.size

    def test_a_reader_finishes_the_old_object_after_it_is_replaced(self, store, overwrite):
        old = noise(3 << 20)
        overwrite("latest/object", old)
        reader = store.read_range("latest/object", 0, len(old))
        first = next(reader)

        overwrite("latest/object", b"new")

        assert first + b"".join(reader) == old

    def test_a_swap_succeeds_when_the_object_is_unchanged(self, store, objects):
        store.swap("latest/object", b"first", expected=None)
        store.swap("latest/object", b"second", expected=store.read("latest/object"))

        assert store.read("latest/object").data == b"second"
        assert objects() == {"latest/object"}

    def test_a_swap_fails_when_the_object_has_changed(self, store, objects):
        store.swap("latest/object", b"first", expected=None)
        stale = store.read("latest/object")
        store.swap("latest/object", b"second", expected=stale)

        for expected in (None, stale, StoredDocument(data=b"second", state="another")):
            with pytest.raises(SwapConflict) as loss:
                store.swap("latest/object", b"third", expected=expected)
            assert loss.value.message == f"latest/object in {store.url} was changed by another writer"
            assert loss.value.hint == "check the object, then run again"

        assert store.read("latest/object").data == b"second"
        assert objects() == {"latest/object"}

    def test_a_swap_fails_even_if_another_writer_wrote_the_same_bytes(self, store):
        store.swap("latest/object", b"same", expected=None)

        with pytest.raises(SwapConflict):
            store.swap("latest/object", b"same", expected=None)

    def test_a_swap_of_a_deleted_object_fails(self, store):
        gone = StoredDocument(data=b"x", state=str(hash_bytes(b"x").digest))

        with pytest.raises(SwapConflict):
            store.swap("latest/object", b"new", expected=gone)

        with pytest.raises(ObjectNotFound):
            store.read("latest/object")

    def test_only_folders_with_a_manifest_are_versions(self, store, source):
        assert list(published_versions(store)) == []

        for key in ("v1.0/" + MANIFEST_NAME, "v2.0-rc.1/" + MANIFEST_NAME, "v3.0/archive", "latest/" + MANIFEST_NAME):
            store.create(key, source(b"{}"))

        assert sorted(published_versions(store)) == ["1.0", "2.0-rc.1"]

    @pytest.mark.parametrize("key", UNUSUAL_KEYS)
    def test_objects_with_unusual_keys_can_be_written_and_read(self, key, store, source, overwrite, objects):
        store.create(key, source(b"created"))
        with pytest.raises(ObjectExists):
            store.create(key, source(b"again"))
        copied = overwrite(key, b"overwritten")
        assert store.read(key).data == b"overwritten"
        store.swap(key, b"swapped", expected=store.read(key))

        assert b"".join(store.read_range(key, 1, 3)) == b"wap"
        assert objects() == {key, copied}
        assert list(store.keys(key)) == [key]
        store.copy(key, copied)
        store.delete(key)
        assert objects() == {copied}
        assert store.read(copied).data == b"swapped"


@pytest.mark.parametrize("case", CONDITIONAL_STORES, indirect=True)
class TestEveryStoreWithConditionalWrites:
    """For moto, a lock serialises requests: this tests our requests, not another server's atomicity."""

    @pytest.mark.parametrize("race", RACES.values(), ids=list(RACES))
    def test_exactly_one_of_eight_concurrent_creates_succeeds(self, race, store, source, objects):
        paths = [source(noise(1 << 20, seed), f"source-{seed}") for seed in range(8)]

        outcomes = race([lambda path=path: store.create("v1.0/object", path) for path in paths])

        assert sorted(map(str, outcomes)) == ["None"] + ["ObjectExists"] * 7
        assert store.read("v1.0/object").data in [path.read_bytes() for path in paths]
        assert objects() == {"v1.0/object"}

    @pytest.mark.parametrize("race", RACES.values(), ids=list(RACES))
    @pytest.mark.parametrize("was_there", [False, True])
    def test_exactly_one_of_eight_concurrent_swaps_succeeds(self, was_there, race, store, objects):
        if was_there:
            store.swap("latest/object", b"old", expected=None)
        before = store.read("latest/object") if was_there else None
        new = [str(number).encode() for number in range(8)]

        outcomes = race([lambda data=data: store.swap("latest/object", data, expected=before) for data in new])

        assert sorted(map(str, outcomes)) == ["None"] + ["SwapConflict"] * 7
        assert store.read("latest/object").data in new
        assert objects() == {"latest/object"}

    @pytest.mark.parametrize("race", RACES.values(), ids=list(RACES))
    def test_no_concurrent_increment_is_lost(self, race, store):
        store.swap("latest/count", b"0", expected=None)

        def count_up():
            before = store.read("latest/count")
            try:
                store.swap("latest/count", str(int(before.data) + 1).encode(), expected=before)
            except SwapConflict:
                count_up()

        assert race([count_up] * 8) == [None] * 8
        assert store.read("latest/count").data == b"8"


@pytest.mark.parametrize("case", ["local"], indirect=True)
@pytest.mark.parametrize("write", ["create", "copy", "swap"])
def test_a_killed_write_leaves_a_whole_object_and_the_next_write_cleans_up(write, store, source, objects):
    old, new = source(b"old", "old"), source(b"new", "new")
    store.create("v1.0/new", new)
    keys = {"v1.0/new"}

    for step in itertools.count(1):
        key = f"v1.0/object-{step}"
        if write != "create":
            store.create(key, old)
        attempts = {
            "create": lambda key=key: partial(store.create, key, new),
            "copy": lambda key=key: partial(store.copy, "v1.0/new", key),
            "swap": lambda key=key: partial(store.swap, key, b"new", expected=store.read(key)),
        }
        if not killed_before_step(step, attempts[write]()):
            break
        if write != "create" or key in objects():
            assert store.read(key).data in (b"old", b"new")[write == "create" :]
        store.copy("v1.0/new", key)
        keys.add(key)
        assert objects() == keys

    assert step > 2
    assert store.read(key).data == b"new"


def test_an_unusable_folder_is_a_store_error(tmp_path):
    (tmp_path / "file").write_text("x")
    store = LocalStore(tmp_path / "file")

    with pytest.raises(StoreError, match=f"^{store.url}: v1.0/object: Not a directory$") as refusal:
        store.create("v1.0/object", tmp_path / "file")

    assert refusal.value.hint == "check the folder and its permissions"


def test_the_address_of_a_local_store_opens_it(tmp_path):
    folder = tmp_path / "mödels #1 50%"
    LocalStore(folder).swap("latest/object", b"x", expected=None)

    assert open_store(LocalStore(folder).url).read("latest/object").data == b"x"
    assert open_store(f"file://localhost{tmp_path}/m%C3%B6dels%20%231%2050%25").read("latest/object").data == b"x"


NO_ADDRESSES = {
    "nothing": "",
    "a plain path": "/srv/models",
    "a relative path": "file:models",
    "a relative path that looks absolute": "file://models/1",
    "no path": "file://",
    "a bucket without a name": "s3:///models",
    "a host without a name": "https:///models",
    "another protocol": "ftp://example.org/models",
    "half an address": "https://[::1/models",
    "an unquoted number sign": "file:///srv/models#1",
}


@pytest.mark.parametrize("opens", [open_store, open_writable_store])
@pytest.mark.parametrize("url", NO_ADDRESSES.values(), ids=list(NO_ADDRESSES))
def test_an_invalid_store_address_is_refused(url, opens):
    with pytest.raises(UsageError) as refusal:
        opens(url)

    assert refusal.value.message == f"{url!r} is not a store address"
    assert refusal.value.hint == "pass file:///folder, s3://bucket/prefix or https://host/prefix"


def test_an_unquoted_question_mark_is_refused_and_the_query_is_not_repeated():
    with pytest.raises(UsageError) as refusal:
        open_store("file:///srv/models?1")

    assert refusal.value.message == "'file:///srv/models' is not a store address"


@pytest.mark.parametrize(
    ("url", "shown"),
    {
        "half an address": ("https://me:hunter2@[::1/models", "https://***@[::1/models"),
        "a slash in the password": ("https://me:hun/ter2@host/models", "https://***@host/models"),
        "no scheme": ("me:hunter2@host/models", "***@host/models"),
    }.values(),
)
def test_a_password_in_an_invalid_address_is_not_repeated(url, shown):
    with pytest.raises(UsageError) as refusal:
        open_store(url)

    assert refusal.value.message == f"{shown!r} is not a store address"


def test_the_addresses_of_buckets_and_web_servers_open_them(isolated_environment):
    assert open_store("s3://models/embedded/").url == "s3://models/embedded"
    assert open_store("s3://models").url == "s3://models"
    assert open_store("https://example.org/models/").url == "https://example.org/models"
