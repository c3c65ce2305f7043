"""What a listing of a folder leaves out, and that a listing is read while it is used."""

import os

import boto3
import pytest
from botocore.stub import Stubber
from support.buckets import QUICK

from diarize_runner.errors import StoreError
from diarize_runner.store.folder_listing import iter_objects
from diarize_runner.store.local import LocalStore
from diarize_runner.store.s3.store import S3Store


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


@pytest.fixture
def store(root):
    return LocalStore(root)


def write(path, data=b"x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def keys(store, prefix=""):
    return [found.key for found in store.objects(prefix)]


def test_a_folder_is_listed_in_the_order_of_a_bucket(root, store):
    expected = ["a-b.wav", "a.wav", "a/b.wav", "a/b/c.wav", "a0.wav", "B.wav", "z.wav", "ü.wav", "日本.wav"]
    expected.sort(key=os.fsencode)
    for key in reversed(expected):
        write(root / key)

    assert keys(store) == expected


def test_hidden_files_and_folders_are_no_objects(root, store):
    for key in (".partial-1", ".cache/a.wav", "a/.DS_Store", "a/b.wav"):
        write(root / key)

    assert keys(store) == ["a/b.wav"]
    assert keys(store, ".cache/") == []


def test_a_prefix_does_not_lead_out_of_the_folder(root, store):
    write(root.parent / "other/a.wav")
    write(root / "a.wav")

    assert keys(store, "../other/") == []
    assert keys(store, "/") == []


def test_a_link_within_the_folder_is_an_object_and_one_out_of_it_is_not(root, store):
    outside = write(root.parent / "outside/secret.wav")
    inside = write(root / "a/b.wav", b"12345")
    (root / "inside.wav").symlink_to(inside)
    (root / "relative.wav").symlink_to("a/b.wav")
    (root / "outside.wav").symlink_to(outside)
    (root / "outside").symlink_to(outside.parent)
    (root / "folder").symlink_to(inside.parent)
    (root / "parent").symlink_to(root)
    (root / "nowhere.wav").symlink_to(root / "nothing.wav")
    (root / "loop.wav").symlink_to(root / "loop.wav")
    (root / "below-a-file.wav").symlink_to(root / "a/b.wav/c.wav")

    assert [(found.key, found.size) for found in store.objects("")] == [
        ("a/b.wav", 5),
        ("inside.wav", 5),
        ("relative.wav", 5),
    ]


def test_a_folder_reached_by_a_link_is_listed(root, store):
    (root / "b.wav").symlink_to(write(root / "a.wav"))
    link = root.parent / "link"
    link.symlink_to(root)

    assert len(keys(store)) == 2
    assert list(LocalStore(link).objects("")) == list(store.objects(""))


def test_special_files_are_no_objects(root, store):
    os.mkfifo(root / "pipe.wav")

    assert keys(store) == []


def test_a_name_that_is_not_utf_8_is_listed_and_opens(root, store):
    write(root / os.fsdecode(b"\xff.wav"))

    (key,) = keys(store)
    assert os.fsencode(key) == b"\xff.wav"
    assert store.read(key).data == b"x"


def test_a_file_that_is_deleted_during_the_listing_is_left_out(root, store):
    for key in ("a/1.wav", "a/2.wav", "b/3.wav", "c.wav"):
        write(root / key)

    listing = store.objects("")
    assert next(listing).key == "a/1.wav"
    for path in (root / "a/2.wav", root / "b/3.wav"):
        path.unlink()
    (root / "b").rmdir()

    assert [found.key for found in listing] == ["c.wav"]


CHANGES = {
    "another size": lambda path, time: path.write_bytes(b"longer") and os.utime(path, ns=(time, time)),
    "another time": lambda path, time: os.utime(path, ns=(time, time + 1)),
    "another file": lambda path, time: os.utime(write(path.with_name("new"), b"other").replace(path), ns=(time, time)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_each_change_of_a_file_changes_its_state(change, root, store):
    path = write(root / "a.wav", b"first")
    (before,) = store.objects("")

    change(path, path.stat().st_mtime_ns)

    (after,) = store.objects("")
    assert after.state != before.state


def test_a_folder_that_cannot_be_read_is_a_store_error(root, store, monkeypatch):
    write(root / "a/b.wav")

    def refuse(path):
        raise PermissionError(13, "Permission denied", os.fspath(path))

    monkeypatch.setattr("diarize_runner.store.folder_listing.os.scandir", refuse)
    with pytest.raises(StoreError) as refusal:
        list(store.objects(""))

    assert refusal.value.message == f"{store.url} cannot be listed: {root}: Permission denied"
    assert refusal.value.hint == "check the folder and its permissions"


def test_a_file_in_place_of_the_folder_is_a_store_error(root):
    with pytest.raises(StoreError, match=r"cannot be listed: .*/file: Not a directory$"):
        list(LocalStore(write(root / "file")).objects(""))


def test_only_the_folders_that_the_prefix_leads_to_are_read(root, monkeypatch):
    for key in ("a/b/1.wav", "a/c/2.wav", "d/3.wav"):
        write(root / key)
    read, scandir = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: [read.append(path), scandir(path)][1])

    assert [found.key for found in iter_objects(root, "a/b")] == ["a/b/1.wav"]
    assert read == [root, root / "a", root / "a/b"]


def test_the_first_page_of_a_bucket_is_used_before_the_second_is_requested():
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    page = {"Contents": [{"Key": "in/a.wav", "Size": 3, "ETag": '"1"'}, {"Key": "in/b.wav", "Size": 4, "ETag": '"2"'}]}
    asked = {"Bucket": "calls", "Prefix": "in/"}
    with Stubber(client) as stub:
        stub.add_response("list_objects_v2", page | {"IsTruncated": True, "NextContinuationToken": "next"}, asked)
        listing = S3Store(client, "calls", "in", QUICK).objects("")

        assert [(found.key, found.size, found.state) for found in (next(listing), next(listing))] == [
            ("a.wav", 3, '"1"'),
            ("b.wav", 4, '"2"'),
        ]
        stub.assert_no_pending_responses()

        last = {"Contents": [{"Key": "in/c.wav", "Size": 5, "ETag": '"3"'}]}
        stub.add_response("list_objects_v2", last, asked | {"ContinuationToken": "next"})
        assert [found.key for found in listing] == ["c.wav"]
