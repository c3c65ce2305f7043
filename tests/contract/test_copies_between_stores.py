"""`cache copy` between a folder, a bucket and a web server, with the real command."""

import pytest
from support.buckets import sign_in
from support.caches import NEW, tree
from support.run_main import run_main
from support.web import files, serving
from support.wheels import WHEELS, WheelSite

from diarize_runner.cli import main
from diarize_runner.store.address import open_writable_store

pytestmark = pytest.mark.usefixtures("isolated_environment")


@pytest.fixture
def run(capsys):
    return lambda *arguments: run_main(capsys, main, *arguments)


@pytest.fixture
def site(tmp_path):
    site = WheelSite(folder=tmp_path / "site")
    site.publish("1.0")
    return site


@pytest.fixture
def bucket(moto_cloud, monkeypatch):
    sign_in(monkeypatch, moto_cloud)
    return moto_cloud.new_bucket()


def objects(root):
    return {path: kind for path, kind in tree(root).items() if kind != "folder"}


def copy(run, source, target, *options):
    ran = run("cache", "copy", source, target, *options, "--json")
    assert ran.exit_code == 0, ran.stderr
    return ran.document


def test_a_version_goes_from_folder_to_bucket_to_folder_unchanged(run, site, bucket, moto_cloud, tmp_path):
    bucket_url, usb = f"s3://{bucket}/models", tmp_path / "usb"

    up, down = copy(run, site.store.url, bucket_url), copy(run, bucket_url, usb.as_uri())

    assert moto_cloud.keys(bucket) == {f"models/{path}" for path in objects(site.store.root)}
    assert objects(usb) == objects(site.store.root)
    count = len(WHEELS) + 4
    assert [(each["changed"], each["objects"], each["objects_moved"]) for each in (up, down)] == [
        (True, count, count)
    ] * 2
    assert up["bytes_moved"] == down["bytes_moved"] > 0


def test_a_copy_to_a_bucket_resumes_and_moves_only_what_is_missing(run, site, bucket):
    url = f"s3://{bucket}/models"
    copy(run, site.store.url, url)
    store = open_writable_store(url)
    gone = next(key for key in store.keys("wheels/") if "common" in key)
    for key in (gone, "v1.0/manifest.json", "latest/manifest.json"):
        store.delete(key)

    again = copy(run, site.store.url, url)

    assert (again["objects_moved"], again["bytes_moved"], again["latest"]) == (1, 2000, True)
    assert copy(run, site.store.url, url)["changed"] is False


def test_an_object_of_a_bucket_that_differs_is_exit_3(run, site, bucket, moto_cloud):
    url = f"s3://{bucket}/models"
    copy(run, site.store.url, url)
    key = "models/v1.0/huggingface-cache.tar.gz"
    size = moto_cloud.client().head_object(Bucket=bucket, Key=key)["ContentLength"]
    moto_cloud.client().put_object(Bucket=bucket, Key=key, Body=bytes(size))

    for pair in ((site.store.url, url), (url, (site.folder / "usb").as_uri())):
        ran = run("cache", "copy", *pair)
        assert (ran.exit_code, ran.stdout) == (3, "")
        assert f"{url}: v1.0/huggingface-cache.tar.gz differs from its manifest\nhint: " in ran.stderr


def test_a_web_server_is_copied_from_and_not_to(run, site, tmp_path):
    with serving(files(site.store.root)) as server:
        copy(run, server.url, (tmp_path / "usb").as_uri())
        assert objects(tmp_path / "usb") == objects(site.store.root)
        refused = run("cache", "copy", site.store.url, server.url)

    assert (refused.exit_code, "a web server takes no uploads" in refused.stderr) == (2, True)


def test_people_read_what_was_copied_and_where_latest_points(run, site, tmp_path):
    site.publish("1.1", NEW)
    usb = (tmp_path / "usb").as_uri()

    first = run("cache", "copy", site.store.url, usb, "--version", "1.0").stderr
    second = run("cache", "copy", site.store.url, usb).stderr

    assert first.endswith(f"{usb}: tiny 1.0, 9 of 9 objects copied, 0.0 MB; latest does not change\n")
    assert second.endswith(f"{usb}: tiny 1.1, 4 of 9 objects copied, 0.0 MB; latest is 1.1 (serial 2)\n")


@pytest.mark.parametrize("version", ["../1.0", "", "v1.0"])
def test_a_version_that_is_none_is_bad_usage(run, site, tmp_path, version):
    ran = run("cache", "copy", site.store.url, (tmp_path / "usb").as_uri(), "--version", version)

    assert (ran.exit_code, f"{version!r} is not a valid version" in ran.stderr) == (2, True)
