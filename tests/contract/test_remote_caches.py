"""Publish and restore through a bucket and a web server, with the real command."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import partial
from itertools import repeat

import pytest
from support.buckets import QUICK, sign_in
from support.caches import LARGE, TINY, Site, tree, with_file
from support.processes import race_processes, race_threads
from support.web import dripping, ended, files, serving

from diarize_runner.cache.box.folder import BoxFolder
from diarize_runner.cache.box.restore import restore
from diarize_runner.cache.documents.manifest import ARCHIVE_NAME
from diarize_runner.cache.published.find import LATEST, VersionQuery
from diarize_runner.cache.published.publish import publish
from diarize_runner.cli import main
from diarize_runner.errors import IntegrityError
from diarize_runner.progress import NoProgress
from diarize_runner.store.http import HttpStore
from diarize_runner.store.remote import RetryPolicy
from diarize_runner.store.s3.store import S3Store

pytestmark = pytest.mark.usefixtures("isolated_environment")

NEWER = with_file(TINY, "config.yaml", b"version: 4.0.1\n")


@dataclass(frozen=True, kw_only=True)
class CommandResult:
    """The exit code and output of a command."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def document(self):
        assert self.exit_code == 0, self.stderr
        return json.loads(self.stdout)


@pytest.fixture
def run(capsys):
    """Run the command in this process."""

    def run(*arguments):
        exit_code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return CommandResult(exit_code=exit_code, stdout=captured.out, stderr=captured.err)

    return run


@pytest.fixture
def site(tmp_path):
    return Site(folder=tmp_path / "site")


def test_a_cache_is_published_to_and_restored_from_a_bucket_on_swift(run, site, bucket, tmp_path):
    store = f"s3://{bucket}/models"
    site.build("1.0", LARGE)

    published = run("cache", "publish", site.built("1.0"), "--store", store, "--json").document
    assert (published["changed"], published["version"], published["serial"]) == (True, "1.0", 1)
    assert run("cache", "publish", site.built("1.0"), "--store", store, "--json").document["changed"] is False

    restore = ("cache", "restore", "--store", store, "--into", tmp_path / "box", "--json")
    plan = run(*restore, "--plan").document
    restored = run(*restore).document
    assert restored["changed"] is True
    assert restored["bytes_moved"] == plan["bytes_to_move"] > 9 << 20
    assert plan["bytes_per_second"] > 0
    assert run("cache", "verify", tmp_path / "box").exit_code == 0
    before = tree(tmp_path / "box")
    again = run(*restore).document
    assert (again["changed"], again["bytes_moved"]) == (False, 0)
    assert tree(tmp_path / "box") == before


def test_a_second_version_on_swift_requires_without_conditional_writes(run, site, bucket, tmp_path):
    store = f"s3://{bucket}/models"
    site.build("1.0")
    site.build("1.1", NEWER)
    run("cache", "publish", site.built("1.0"), "--store", store)

    refused = run("cache", "publish", site.built("1.1"), "--store", store)
    assert refused.exit_code == 1
    assert refused.stderr.startswith(
        f"error: {store}/latest/manifest.json: the server does not support conditional writes\n"
        "hint: publish with --without-conditional-writes, "
    )
    published = run("cache", "publish", site.built("1.1"), "--store", store, "--without-conditional-writes", "--json")
    assert (published.document["version"], published.document["serial"]) == ("1.1", 2)
    restored = run("cache", "restore", "--store", store, "--into", tmp_path / "box", "--json").document
    assert restored["version"] == "1.1"


def test_a_version_missing_in_the_bucket_is_an_error(run, site, bucket, tmp_path):
    site.build("1.0")
    run("cache", "publish", site.built("1.0"), "--store", f"s3://{bucket}")

    missing = run("cache", "restore", "--store", f"s3://{bucket}", "--version", "2.0", "--into", tmp_path / "box")

    assert missing.stderr == f"error: s3://{bucket} has no version 2.0\nhint: published versions: 1.0\n"


@pytest.fixture
def web(site):
    """A web server of a store with version 1.0."""
    site.publish("1.0", LARGE)
    with serving(files(site.folder)) as server:
        yield server


def test_a_published_folder_is_restored_over_the_web(run, web, tmp_path):
    command = ("cache", "restore", "--store", f"{web.url}/store", "--into", tmp_path / "box", "--json")

    restored, again = run(*command).document, run(*command).document

    assert (restored["changed"], restored["version"]) == (True, "1.0")
    assert (again["changed"], again["bytes_moved"]) == (False, 0)
    assert run("cache", "verify", tmp_path / "box").exit_code == 0


def test_a_restore_survives_broken_connections(web, tmp_path):
    web.fails(ended(1000), ended(2_000_000), when=lambda request: "Range" in request.headers)

    restored = restore(
        HttpStore(f"{web.url}/store", QUICK),
        VersionQuery(version=LATEST),
        BoxFolder(root=tmp_path / "box"),
        NoProgress(),
    )

    assert restored.plan.changed


def requests_weights(request):
    first, _, last = request.headers.get("Range", "").removeprefix("bytes=").partition("-")
    return bool(last) and int(last) - int(first) > 100_000


def test_a_restore_from_a_slow_store_fails_and_the_next_one_resumes(run, web, tmp_path, monkeypatch):
    monkeypatch.setattr(RetryPolicy, "delays", lambda policy: repeat(0.01, policy.max_attempts - 1))
    web.fails(dripping(0.1, after=8_500_000), when=requests_weights)
    web.fails(dripping(0.1), when=requests_weights, times=99)
    restore = ("cache", "restore", "--store", f"{web.url}/store", "--into", tmp_path / "box", "--json")
    began = time.monotonic()

    given_up = run(*restore, "--min-rate", "2000")

    assert time.monotonic() - began < 20
    assert given_up.exit_code == 1
    error, hint = given_up.stderr.splitlines()[-2:]
    assert error.startswith("error: ")
    assert error.endswith(": received fewer than 262,144 bytes in 0.131 s")
    assert "--min-rate" in hint
    web.forgive()
    assert 0 < run(*restore).document["bytes_moved"] < 2 << 20


def test_a_plan_reports_a_slow_store_without_waiting(run, web, tmp_path):
    web.fails(dripping(0.1), when=requests_weights, times=99)
    began = time.monotonic()

    restore = ("cache", "restore", "--store", f"{web.url}/store", "--into", tmp_path / "box", "--json")
    plan = run(*restore, "--plan", "--min-rate", "2000")

    assert plan.document["seconds"] > 1000
    assert time.monotonic() - began < 20


def test_a_plan_for_an_empty_archive_is_refused(run, web, site, tmp_path):
    (site.store.root / "v1.0" / ARCHIVE_NAME).write_bytes(b"")

    refused = run("cache", "restore", "--store", f"{web.url}/store", "--into", tmp_path / "box", "--plan")

    assert refused.exit_code == 3
    assert f"error: {web.url}/store/v1.0/{ARCHIVE_NAME} is truncated\nhint: " in refused.stderr


def test_a_truncated_archive_on_the_web_leaves_the_box_unchanged(web, site, tmp_path):
    archive = site.store.root / "v1.0" / ARCHIVE_NAME
    archive.write_bytes(archive.read_bytes()[: 5 << 20])

    with pytest.raises(IntegrityError, match="is cut short"):
        restore(
            HttpStore(f"{web.url}/store", QUICK),
            VersionQuery(version=LATEST),
            BoxFolder(root=tmp_path / "box"),
            NoProgress(),
        )

    assert not (tmp_path / "box" / "current").exists()


def test_a_version_missing_on_the_web_is_an_error(run, web, tmp_path):
    store = f"{web.url}/store"

    missing = run("cache", "restore", "--store", store, "--version", "2.0", "--into", tmp_path / "box")

    assert missing.stderr == (
        f"error: {store} has no version 2.0\n"
        f"hint: cannot list the published versions: {store} cannot be listed over http\n"
    )


def test_publishing_to_the_web_is_an_error(run, site):
    site.build("1.0")

    refused = run("cache", "publish", site.built("1.0"), "--store", "https://example.org/models")

    assert refused.exit_code == 2
    assert refused.stderr.startswith("error: https://example.org/models is read-only: a web server takes no uploads\n")


@pytest.mark.parametrize("race", [race_threads, race_processes])
def test_one_of_eight_concurrent_publishes_to_moto_succeeds_and_no_files_mix(race, moto_cloud, monkeypatch, tmp_path):
    sign_in(monkeypatch, moto_cloud)
    url = f"s3://{moto_cloud.new_bucket()}/models"
    sites = [Site(folder=tmp_path / f"site-{number}") for number in range(8)]
    manifests = [
        site.build("1.0", with_file(TINY, "config.yaml", f"version: {number}\n".encode()))
        for number, site in enumerate(sites)
    ]

    def publish_from(site):
        publish(site.built("1.0"), S3Store.at(url, QUICK), NoProgress())

    outcomes = race([partial(publish_from, site) for site in sites])

    assert outcomes.count(None) == 1
    assert set(outcomes) <= {None, "ObjectExists", "SwapConflict"}
    restored = restore(
        S3Store.at(url, QUICK), VersionQuery(version=LATEST), BoxFolder(root=tmp_path / "box"), NoProgress()
    )
    assert restored.plan.manifest in manifests


def test_a_publish_to_moto_overtaken_while_copying_leaves_the_winner_s_copies(site, moto_store, moto_proxy, tmp_path):
    site.build("1.0")
    newer = site.build("1.1", NEWER)

    def overtake(handler, request, origin):
        publish(site.built("1.1"), S3Store.at(moto_store.url, QUICK), NoProgress())
        handler.send(origin(request))

    moto_proxy.fails(overtake, when=lambda request: "x-amz-copy-source" in request.headers)

    publish(site.built("1.0"), moto_store, NoProgress())

    assert moto_store.digest(f"latest/{ARCHIVE_NAME}") == newer.archive.file.content.digest
    assert (
        restore(moto_store, VersionQuery(version=LATEST), BoxFolder(root=tmp_path / "box"), NoProgress()).cache.manifest
        == newer
    )


def test_network_modules_are_imported_on_first_use(site):
    site.publish("1.0")
    code = (
        "import sys; from diarize_runner.cli import main; status = main(sys.argv[1:]);"
        "loaded = {'boto3', 'botocore', 'requests', 'urllib3'} & set(sys.modules); sys.exit(status or str(loaded or 0))"
    )
    command = ["cache", "restore", "--store", site.store.url, "--into", site.folder / "box"]

    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=False)

    assert done.stderr.splitlines()[-1:] == ["0"], done.stderr
