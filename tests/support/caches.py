"""A tiny model cache from request to box: build host, store and box in one folder, without a network."""

import hashlib
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import yaml

from diarize_runner.cache.box.folder import BoxFolder
from diarize_runner.cache.box.restore import restore
from diarize_runner.cache.builder.resolve import resolve
from diarize_runner.cache.builder.version import build
from diarize_runner.cache.documents.lock import lock_path, read_lock
from diarize_runner.cache.documents.manifest import MANIFEST_NAME, CacheManifest
from diarize_runner.cache.documents.request import read_request
from diarize_runner.cache.published.find import LATEST, VersionQuery, find_version
from diarize_runner.cache.published.publish import publish
from diarize_runner.progress import NoProgress
from diarize_runner.store.local import LocalStore

PIPELINE = "acme/speaker-diarization"
WEIGHTS = "acme/weights"
REQUIREMENTS = b"torch==2.11.0 --hash=sha256:" + b"7" * 64 + b"\n"


def noise(size, seed=0):
    """Return incompressible bytes, equal for equal seeds."""
    return hashlib.shake_128(str(seed).encode()).digest(size)


TINY = {
    PIPELINE: {
        "config.yaml": b"version: 4.0.0\npipeline:\n  name: pyannote.audio.pipelines.SpeakerDiarization\n",
        "LICENSE": b"do as you please\n",
        "segmentation/LICENSE": b"do as you please\n",
        "segmentation/weights.dat": noise(3000),
        "notes/empty": b"",
    },
    WEIGHTS: {"weights.dat": noise(700, seed=1)},
}
"""Two repositories, with two equal files and an empty one."""

LARGE = {**TINY, WEIGHTS: {"weights.dat": noise(9 << 20)}}
"""TINY with a blob that spans two gzip members."""

OLD, NEW = ({PIPELINE: {"config.yaml": text, "a/weights.dat": noise(3000)}} for text in (b"old", b"new"))
"""Two files each, of which one differs: an update changes one blob and keeps the other."""


def with_file(repos, path, data):
    """Return `repos` with one file of the pipeline repository set to `data`."""
    return {**repos, PIPELINE: {**repos[PIPELINE], path: data}}


def write_request(folder, repos=TINY):
    """Write a request for `repos` and their files; return the path of the request."""
    described = []
    for repo_id, files in repos.items():
        for path, data in files.items():
            local = folder / "files" / repo_id / path
            local.parent.mkdir(parents=True, exist_ok=True)
            local.write_bytes(data)
        sources = {path: {"local": f"files/{repo_id}/{path}"} for path in files}
        described.append({"repo_id": repo_id, "revision": "main", "licence": "MIT", "files": sources})
    request = folder / "tiny.yaml"
    head = {"format": "diarize-runner/request/1", "name": "tiny", "pipeline": PIPELINE}
    request.write_text(yaml.safe_dump({**head, "repos": described}, sort_keys=False))
    return request


def write_lock(request):
    """Resolve the request at `request`, and write the lock beside it; return the lock."""
    lock = resolve(read_request(request), NoProgress())
    lock_path(request).write_bytes(lock.to_bytes())
    return lock


def build_version(request, out, version="1.0"):
    """Build the locked version of `request` into `out`; return the manifest."""
    requirements = request.with_name("requirements.txt")
    requirements.write_bytes(REQUIREMENTS)
    lock = read_lock(read_request(request), lock_path(request))
    return build(
        lock, folder=request.parent, version=version, requirements=requirements, out=out, progress=NoProgress()
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """A build host, a store and a box."""

    folder: Path

    @property
    def store(self):
        return LocalStore(self.folder / "store")

    @property
    def box(self):
        return BoxFolder(root=self.folder / "box")

    def built(self, version):
        """Return the build folder of `version`."""
        return self.folder / "built" / version

    def build(self, version="1.0", repos=TINY):
        """Write a request for `repos`, lock it and build a version; return the manifest."""
        self.folder.mkdir(parents=True, exist_ok=True)
        request = write_request(self.folder, repos)
        write_lock(request)
        return build_version(request, self.built(version), version)

    def publish(self, version="1.0", repos=TINY):
        """Build and publish a version; return the new `latest`."""
        self.build(version, repos)
        return self.publish_built(version)

    def publish_built(self, version="1.0"):
        return publish(self.built(version), self.store, NoProgress())

    def restore(self, version=LATEST, **query):
        return restore(self.store, VersionQuery(version=version, **query), self.box, NoProgress())


def load_built_manifest(folder):
    """Return the manifest in `folder`, without verifying its files."""
    return CacheManifest.from_bytes((folder / MANIFEST_NAME).read_bytes(), MANIFEST_NAME)


def edit_json(path, edit):
    """Change the JSON document at `path` with `edit`."""
    document = json.loads(path.read_bytes())
    edit(document)
    path.write_text(json.dumps(document, indent=2) + "\n")


def tree(folder):
    """Return every path under `folder` with the digest of a file, the target of a link, or "folder"."""
    return {
        path.relative_to(folder).as_posix(): _state(path)
        for found, folders, files in os.walk(folder)
        for path in (Path(found, name) for name in (*folders, *files))
    }


def _state(path):
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return f"-> {path.readlink()}"
    return "folder" if stat.S_ISDIR(mode) else hashlib.sha256(path.read_bytes()).hexdigest()


def flip(path, offset, bit=0):
    """Flip one bit of a file."""
    with path.open("r+b") as file:
        file.seek(offset)
        (byte,) = file.read(1)
        file.seek(offset)
        file.write(bytes([byte ^ 1 << bit]))


def published(store, version=LATEST):
    """Return the manifest of a version in `store`."""
    return find_version(store, VersionQuery(version=version)).manifest
