"""A tiny model cache on its whole way: build host, store and box, side by side in one folder, without a network."""

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
from diarize_runner.cache.published.find import LATEST, Wanted, find_version
from diarize_runner.cache.published.publish import publish
from diarize_runner.progress import Silent
from diarize_runner.store.local import LocalStore

PIPELINE = "acme/speaker-diarization"
WEIGHTS = "acme/weights"
REQUIREMENTS = b"torch==2.11.0 --hash=sha256:" + b"7" * 64 + b"\n"


def noise(size, seed=0):
    """Return bytes that no codec makes smaller, the same ones for the same seed."""
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
"""Two repositories; two files with the same content, and one with none."""

LARGE = {**TINY, WEIGHTS: {"weights.dat": noise(9 << 20)}}
"""The same, with a blob that spans two gzip members."""

OLD, NEW = ({PIPELINE: {"config.yaml": text, "a/weights.dat": noise(3000)}} for text in (b"old", b"new"))
"""Two that differ in one file of two: the least in which one blob changes and another stays."""


def with_file(repos, path, data):
    """Return `repos` with one file of the pipeline's repository changed or added."""
    return {**repos, PIPELINE: {**repos[PIPELINE], path: data}}


def write_request(folder, repos=TINY):
    """Write a request for `repos`, each file of them beside it; return the request's path."""
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
    """Resolve the request at `request`, leave its lock beside it, and return it."""
    lock = resolve(read_request(request), Silent())
    lock_path(request).write_bytes(lock.to_bytes())
    return lock


def build_version(request, out, version="1.0"):
    """Build what the lock beside `request` pins into `out`; return the manifest."""
    requirements = request.with_name("requirements.txt")
    requirements.write_bytes(REQUIREMENTS)
    lock = read_lock(read_request(request), lock_path(request))
    return build(lock, folder=request.parent, version=version, requirements=requirements, out=out, progress=Silent())


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
        """Return the folder that `version` is built in."""
        return self.folder / "built" / version

    def build(self, version="1.0", repos=TINY):
        """Take the cache of `repos` from request to built version; return its manifest."""
        self.folder.mkdir(parents=True, exist_ok=True)
        request = write_request(self.folder, repos)
        write_lock(request)
        return build_version(request, self.built(version), version)

    def publish(self, version="1.0", repos=TINY):
        """Build and publish; return what `latest` names then."""
        self.build(version, repos)
        return self.publish_built(version)

    def publish_built(self, version="1.0"):
        return publish(self.built(version), self.store, Silent())

    def restore(self, version=LATEST, **wanted):
        return restore(self.store, Wanted(version=version, **wanted), self.box, Silent())


def read_built_manifest(folder):
    """Return the manifest that lies in `folder`, unchecked against anything else."""
    return CacheManifest.from_bytes((folder / MANIFEST_NAME).read_bytes(), MANIFEST_NAME)


def edit_json(path, edit):
    """Let `edit` change the JSON document at `path`, and write it back."""
    document = json.loads(path.read_bytes())
    edit(document)
    path.write_text(json.dumps(document, indent=2) + "\n")


def tree(folder):
    """Return everything under `folder` by its path: what a file holds, where a link leads, or that it is a folder."""
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
    """Turn one bit of a file."""
    with path.open("r+b") as file:
        file.seek(offset)
        (byte,) = file.read(1)
        file.seek(offset)
        file.write(bytes([byte ^ 1 << bit]))


def published(store, version=LATEST):
    """Return the manifest of a version that is in `store`."""
    return find_version(store, Wanted(version=version)).manifest
