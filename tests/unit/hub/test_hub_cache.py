"""A version is pinned and built from a Hub cache that a working machine has already, without network and token."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.hub_host import FILES, REPO, BuildHost
from support.hub_simulator import etag
from support.run_main import run_main

from diarize_runner.cache.documents.lock import lock_path
from diarize_runner.cache.documents.manifest import MANIFEST_NAME, CacheManifest
from diarize_runner.cache.documents.snapshot import HubFile
from diarize_runner.cli import main

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = "scripts/cache-diarization-models.sh"
WEIGHTS = "segmentation/pytorch_model.bin"


@pytest.fixture
def run(capsys):
    return lambda *arguments: run_main(capsys, main, *arguments)


@pytest.fixture
def filled(hub, hub_home):
    """A Hub cache that the real client filled, by branch, from a gated repository; the Hub is gone."""
    from huggingface_hub import snapshot_download

    repo = hub.repo(REPO, FILES, gated="auto")
    snapshot_download(REPO, token=hub.account("ada", may_read={REPO}).token, cache_dir=hub_home / "hub")
    hub.repos.clear()
    hub.log.clear()
    yield hub_home / "hub", repo.refs["main"]
    assert hub.log == [], "the network is not used"


@pytest.fixture
def build(run, host):
    """A function that builds version 1.0 of the host's request."""

    def build(*options):
        (host.folder / "requirements.txt").write_text("nothing==1\n")
        requirements = ["--requirements", host.folder / "requirements.txt"]
        return run(
            "cache", "build", host.request, "--version", "1.0", "--out", host.out, *requirements, *options, "--json"
        )

    return build


def blob_of(cache, path):
    """Return the file that holds `path` in the only snapshot of a Hub cache."""
    (snapshot,) = (cache / f"models--{REPO.replace('/', '--')}" / "snapshots").iterdir()
    return (snapshot / path).resolve()


def resolve(run, host, *options):
    return run("cache", "resolve", host.request, "--from-hf-cache", *options, "--json")


@pytest.mark.parametrize("named", ["by default", "the cache", "its HF_HOME"])
def test_a_version_is_pinned_and_built_from_the_cache(run, host, build, filled, named):
    cache, commit = filled
    option = {"by default": [], "the cache": [cache], "its HF_HOME": [cache.parent]}[named]

    pinned = resolve(run, host, *option)
    built = build("--from-hf-cache", *option)

    assert (pinned.exit_code, built.exit_code) == (0, 0), pinned.stderr + built.stderr
    assert pinned.document["commits"] == {REPO: commit}
    (repo,) = json.loads((host.out / MANIFEST_NAME).read_bytes())["repos"]
    assert repo["commit_hash"] == commit
    assert {file["path"] for file in repo["files"]} == set(FILES)
    for file in repo["files"]:
        assert file["digest"] == "sha256:" + hashlib.sha256(FILES[file["path"]]).hexdigest()
        assert file["source"] == {"hub": etag(file["path"], FILES[file["path"]])}


def test_people_read_which_commit_it_is_and_what_was_not_there(run, host, filled):
    cache, commit = filled
    host.ask_for(allow_patterns=["config.yaml", "embedding/*"])

    said = run("cache", "resolve", host.request, "--from-hf-cache", cache).stderr

    assert f"  {REPO}: commit {commit}, 1 files from {cache}\n" in said
    assert "  warning: not there, so not in the lock: embedding/*\n" in said


def test_a_file_that_was_never_downloaded_is_a_warning(run, host, filled):
    """pyannote downloads only what it loads."""
    cache, commit = filled
    folder = cache / f"models--{REPO.replace('/', '--')}"
    (folder / "trees").mkdir(exist_ok=True)
    listing = {"format_version": 1, "files": {path: {"size": len(data)} for path, data in FILES.items()}}
    (folder / "trees" / f"{commit}.json").write_text(json.dumps(listing))
    (folder / "snapshots" / commit / WEIGHTS).unlink()

    assert resolve(run, host, cache).document["absent"] == {REPO: [WEIGHTS]}
    host.ask_for(allow_patterns=["config.yaml"])
    assert resolve(run, host, cache).document["absent"] == {REPO: []}


@pytest.mark.parametrize("listing", ["", "[]", '{"files": 3}', "{}"])
def test_a_listing_of_another_format_is_ignored(run, host, filled, listing):
    cache, commit = filled
    folder = cache / f"models--{REPO.replace('/', '--')}" / "trees"
    folder.mkdir(exist_ok=True)
    (folder / f"{commit}.json").write_text(listing)

    assert resolve(run, host, cache).document["absent"] == {REPO: []}


def test_the_lock_of_a_cache_is_built_from_the_hub_too(run, host, build, filled, hub):
    cache, _ = filled
    assert resolve(run, host, cache).exit_code == 0
    from_cache = build("--from-hf-cache", cache).document

    hub.repo(REPO, FILES)
    shutil.rmtree(cache)
    assert build().document == from_cache
    hub.log.clear()


def test_a_lock_of_the_hub_is_built_from_a_cache_too(run, host, build, filled, hub):
    cache, _ = filled
    hub.repo(REPO, FILES)
    host.lock()
    hub.repos.clear()
    hub.log.clear()

    assert build("--from-hf-cache", cache).exit_code == 0


@pytest.mark.parametrize("path", ["config.yaml", WEIGHTS], ids=["SHA-1 of git", "SHA-256"])
def test_a_file_that_differs_from_its_blobs_name_is_refused(run, host, build, filled, path):
    cache, commit = filled
    assert resolve(run, host, cache).exit_code == 0
    blob_of(cache, path).write_bytes(FILES[path][:-1] + b"!")

    for ran in (resolve(run, host, cache), build("--from-hf-cache", cache)):
        assert ran.exit_code == 3
        assert ran.document["error"].endswith(
            f"{path} does not match its etag {etag(path, FILES[path])}: it is damaged"
        )
        assert ran.document["hint"] == f"download it again: hf download {REPO} --revision {commit} --force-download"


def test_a_blob_that_is_missing_is_refused(run, host, build, filled):
    cache, commit = filled
    assert resolve(run, host, cache).exit_code == 0
    blob_of(cache, WEIGHTS).unlink()

    for ran in (resolve(run, host, cache), build("--from-hf-cache", cache)):
        assert ran.exit_code == 1
        assert ran.document["error"] == f"{cache} does not hold {REPO}@{commit}: {WEIGHTS}"


def test_shared_blobs_are_found_behind_two_links(run, host, filled):
    """Since huggingface_hub 1.32: https://github.com/huggingface/huggingface_hub/pull/4498."""
    cache, _ = filled
    blob = blob_of(cache, WEIGHTS)
    shared = cache / "blobs/ab" / ("ab" * 32)
    shared.parent.mkdir(parents=True)
    blob.replace(shared)
    blob.symlink_to(f"../../blobs/ab/{shared.name}")

    assert resolve(run, host, cache).exit_code == 0

    (locked,) = json.loads(lock_path(host.request).read_bytes())["repos"]
    assert {"hub": etag(WEIGHTS, FILES[WEIGHTS])} in [file["source"] for file in locked["files"]]


def test_a_cache_on_a_disk_without_links_is_pinned_by_content(run, host, build, filled, hub, tmp_path):
    cache, _ = filled
    copied = tmp_path / "copied"
    shutil.copytree(cache, copied)  # follows links, as cp -rL does

    assert resolve(run, host, copied).exit_code == 0
    assert build("--from-hf-cache", copied).exit_code == 0

    blob_of(copied, "README.md").write_bytes(b"# Another\n")
    changed = build("--from-hf-cache", copied)
    assert (changed.exit_code, changed.document["error"]) == (3, f"{REPO}: README.md differs from the lock")
    hub.repo(REPO, FILES)
    shutil.rmtree(cache)
    assert build().exit_code == 0, "the Hub's files are the same"
    hub.log.clear()


@pytest.mark.parametrize("at", ["refs/pr/1", "v9", "0" * 40])
def test_a_revision_that_is_not_there_names_those_that_are(run, host, filled, at):
    cache, commit = filled
    host.ask_for(at=at)

    ran = resolve(run, host, cache)

    assert (ran.exit_code, ran.document["error"].partition(" has no ")[2]) == (1, f"snapshot of the revision {at}")
    assert ran.document["hint"].startswith(f"write at: COMMIT in the request, one of {commit}; or download it: ")


def test_a_revision_with_slashes_and_a_commit_are_found(run, host, filled):
    cache, commit = filled
    ref = cache / f"models--{REPO.replace('/', '--')}" / "refs/refs/pr/1"
    ref.parent.mkdir(parents=True)
    ref.write_text(commit)

    for at in ("refs/pr/1", commit):
        host.ask_for(at=at)
        assert resolve(run, host, cache).document["commits"] == {REPO: commit}


@pytest.mark.parametrize("folder", ["missing", "empty"])
def test_a_folder_without_the_repository_is_refused(run, host, filled, folder, tmp_path):
    cache = tmp_path / folder
    if folder == "empty":
        cache.mkdir()

    ran = resolve(run, host, cache)

    assert (ran.exit_code, ran.document["error"]) == (1, f"{cache} is no Hub cache that holds {REPO}")
    assert ran.document["hint"].endswith(f"or download it first: hf download {REPO}")


@pytest.fixture
def clone(tmp_path):
    """A clone with the script, a request by its default name, and requirements."""
    root = tmp_path / "clone"
    for folder in ("scripts", "cache_manifests", "requirements"):
        (root / folder).mkdir(parents=True)
    shutil.copy(ROOT / SCRIPT, root / SCRIPT)
    (root / ".venv").symlink_to(ROOT / ".venv")
    (root / "requirements/requirements-diarization.txt").write_text("nothing==1\n")
    host = BuildHost(folder=tmp_path / "host")
    host.ask_for()
    host.request.rename(root / "cache_manifests/community-1.yaml")
    return root


@pytest.mark.parametrize("has_store", [False, True])
def test_the_script_caches_the_models_of_a_working_machine_again(clone, filled, has_store, tmp_path):
    cache, commit = filled
    store = tmp_path / "store"
    environment = {"HF_HUB_CACHE": str(cache), "HF_ENDPOINT": "http://127.0.0.1:9", "PATH": os.environ["PATH"]}
    if has_store:
        environment["DIARIZE_RUNNER_STORE"] = store.as_uri()

    done = subprocess.run([clone / SCRIPT, "1.1"], env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert f"{REPO}: commit {commit}, " in done.stderr
    built = CacheManifest.from_bytes((clone / "build/1.1" / MANIFEST_NAME).read_bytes(), MANIFEST_NAME)
    assert (built.version, built.repos[0].commit_hash) == ("1.1", commit)
    assert (store / "v1.1" / MANIFEST_NAME).is_file() is has_store
    assert ("next: " in done.stdout) is not has_store


def test_the_script_explains_itself_without_a_version(clone):
    done = subprocess.run([clone / SCRIPT], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert "scripts/cache-diarization-models.sh 1.1 [REQUEST.yaml] [DIR]" in done.stderr


def test_an_etag_that_is_no_digest_is_recorded(host, filled, run):
    """Mirrors may send such etags; the lock pins the content all the same."""
    cache, _ = filled
    blob = blob_of(cache, "README.md")
    link = next(path for path in cache.rglob("snapshots/*/README.md"))
    blob.replace(blob.with_name("W-5"))
    link.unlink()
    link.symlink_to("../../blobs/W-5")

    assert resolve(run, host, cache).exit_code == 0
    (locked,) = json.loads(lock_path(host.request).read_bytes())["repos"]
    assert HubFile(etag="W-5").to_dict() in [file["source"] for file in locked["files"]]
