"""Every major version of huggingface_hub that a box may have reads our caches offline.

whisperX 3.8.6 requires huggingface_hub<1, pyannote accepts any version, and both may read the same cache on a box.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from support.command import ROOT, closed_port, run, succeed
from support.hub_simulator import running_hub

from diarize_runner.cache.checkpoint.writer import write_checkpoint

pytestmark = pytest.mark.scenario

PIPELINE, WEIGHTS = "acme/speaker-diarization", "acme/weights"
SHARED = write_checkpoint({"weights": list(range(2000))})
REPOS = {
    PIPELINE: {
        "config.yaml": b"pipeline: {name: pyannote.audio.pipelines.SpeakerDiarization}\n",
        "segmentation/pytorch_model.bin": SHARED,
        "a/very/deep/folder/notes.txt": b"deep\n",
        "empty": b"",
    },
    WEIGHTS: {"pytorch_model.bin": SHARED},
}
EXCLUDED = "README.md"
READERS = {"hub0": "0.36.", "hub1": "1.", "hub2": "2."}

READ = """
import hashlib, json, sys
from pathlib import Path
from huggingface_hub import __version__, hf_hub_download, scan_cache_dir, snapshot_download, try_to_load_from_cache
from huggingface_hub.errors import LocalEntryNotFoundError

def digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()

def download(repo_id, path, revision):
    try:
        return digest(hf_hub_download(repo_id, path, revision=revision, local_files_only=True))
    except LocalEntryNotFoundError:
        return None

def snapshot(repo_id, revision):
    folder = Path(snapshot_download(repo_id, revision=revision, local_files_only=True))
    return {path.relative_to(folder).as_posix(): digest(path) for path in folder.rglob("*") if path.is_file()}

found, scanned = {}, scan_cache_dir()
for repo_id, (commit, paths) in json.loads(sys.argv[1]).items():
    for revision in ("main", commit):
        loaded = {path: try_to_load_from_cache(repo_id, path, revision=revision) for path in paths}
        found[f"{repo_id} {'main' if revision == 'main' else 'commit'}"] = {
            "snapshot": snapshot(repo_id, revision),
            "downloads": {path: download(repo_id, path, revision) for path in paths},
            "loaded": {path: digest(place) if isinstance(place, str) else place for path, place in loaded.items()},
        }
repos = {
    repo.repo_id: [[revision.commit_hash, sorted(revision.refs), revision.nb_files] for revision in repo.revisions]
    for repo in scanned.repos
}
warnings = [str(warning) for warning in scanned.warnings]
scan = {"repos": repos, "size": scanned.size_on_disk, "warnings": warnings}
print(json.dumps({"version": __version__, "found": found, "scan": scan}))
"""


@dataclass(frozen=True, kw_only=True)
class Caches:
    """One version, extracted with tar and restored by `cache restore`."""

    folder: Path
    commits: dict[str, str]

    @property
    def by_tar(self) -> Path:
        return self.folder / "by-tar"

    @property
    def restored(self) -> Path:
        return self.folder / "box"

    def hub(self, kind: str) -> Path:
        """Return the value for HF_HUB_CACHE."""
        return self.by_tar / "huggingface/hub" if kind == "by tar" else self.restored / "current/huggingface/hub"


@pytest.fixture(scope="module")
def caches(tmp_path_factory):
    """Build, publish, restore and extract two repositories of a Hub, without their READMEs."""
    folder = tmp_path_factory.mktemp("readers")
    with running_hub() as hub:
        hub_repos = {
            repo_id: hub.repo(repo_id, {**files, EXCLUDED: b"# Excluded\n"}) for repo_id, files in REPOS.items()
        }
        selections = [{"allow_patterns": list(files)} for files in REPOS.values()]
        repos = [
            {"repo_id": repo_id, "revision": "main", "licence": "MIT", "hub": selection}
            for repo_id, selection in zip(REPOS, selections, strict=True)
        ]
        head = {"format": "diarize-runner/request/1", "name": "readers", "pipeline": PIPELINE}
        request, built, store = folder / "readers.yaml", folder / "built", (folder / "store").as_uri()
        request.write_text(yaml.safe_dump({**head, "repos": repos}))
        online = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(folder / "home")}
        (folder / "requirements.txt").write_text("nothing==1\n")
        succeed("cache", "resolve", request, **online)
        build = ["--version", "1.0", "--requirements", folder / "requirements.txt"]
        succeed("cache", "build", request, *build, "--out", built, **online)
    succeed("cache", "publish", built, "--store", store)
    succeed("cache", "restore", "--store", store, "--into", folder / "box")
    (folder / "by-tar").mkdir()
    subprocess.run(["tar", "-xzf", built / "huggingface-cache.tar.gz", "-C", folder / "by-tar"], check=True)
    return Caches(folder=folder, commits={repo_id: repo.refs["main"] for repo_id, repo in hub_repos.items()})


@dataclass(frozen=True, kw_only=True)
class Reader:
    """An environment with one major version of huggingface_hub."""

    python: Path
    version_prefix: str


@pytest.fixture(scope="module", params=READERS)
def reader(request, tmp_path_factory) -> Reader:
    """Create an environment from its lock."""
    folder = tmp_path_factory.mktemp(request.param)
    uv, python = [sys.executable, "-m", "uv", "--quiet"], folder / "bin/python"
    subprocess.run([*uv, "venv", "--python", sys.executable, "--clear", folder], check=True)
    lock = ROOT / "requirements/readers" / f"{request.param}.txt"
    subprocess.run([*uv, "pip", "install", "--python", python, "--require-hashes", "-r", lock], check=True)
    return Reader(python=python, version_prefix=READERS[request.param])


def read(reader, hub, commits):
    """Read a cache with a reader's huggingface_hub, without access to a Hub."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "PYTHONPATH"))}
    nowhere = {"HF_HUB_CACHE": str(hub), "HF_ENDPOINT": f"http://127.0.0.1:{closed_port()}", "NO_PROXY": "*"}
    repos = {repo_id: [commits[repo_id], [*files, EXCLUDED]] for repo_id, files in REPOS.items()}
    command = [reader.python, "-c", READ, json.dumps(repos)]
    done = subprocess.run(command, env={**clean, **nowhere}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module", params=["by tar", "restored"])
def read_back(request, caches, reader):
    """The content of one of the two caches, as huggingface_hub reads it."""
    return read(reader, caches.hub(request.param), caches.commits)


def test_every_major_version_of_huggingface_hub_reads_the_cache_offline(reader, read_back):
    assert read_back["version"].startswith(reader.version_prefix)
    for repo_id, files in REPOS.items():
        digests = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
        for by in ("main", "commit"):
            found = read_back["found"][f"{repo_id} {by}"]
            assert found["snapshot"] == digests
            assert found["downloads"] == found["loaded"] == {**digests, EXCLUDED: None}


def test_every_major_version_of_huggingface_hub_scans_the_cache_without_a_warning(caches, read_back):
    scan = read_back["scan"]

    assert scan["warnings"] == []
    assert scan["repos"] == {
        repo_id: [[caches.commits[repo_id], ["main"], len(files)]] for repo_id, files in REPOS.items()
    }
    assert scan["size"] == sum(len(data) for files in REPOS.values() for data in files.values())


def test_verify_accepts_excluded_files_and_reports_removed_ones(caches, tmp_path):
    manifest = caches.folder / "built/manifest.json"
    copy = shutil.copytree(caches.by_tar, tmp_path / "copy", symlinks=True)
    assert run("cache", "verify", copy, "--manifest", manifest).returncode == 0
    digest = hashlib.sha256(REPOS[PIPELINE]["config.yaml"]).hexdigest()
    (blob,) = copy.rglob(f"blobs/{digest}")
    blob.unlink()

    done = run("cache", "verify", copy, "--manifest", manifest)

    assert done.returncode == 3
    assert f"missing: {blob.relative_to(copy)}\n" in done.stderr
    assert EXCLUDED not in done.stderr
