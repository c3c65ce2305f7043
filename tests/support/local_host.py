"""A build host whose request names local files only."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from support.caches import write_lock

from diarize_runner.cache.builder.version import build
from diarize_runner.cache.documents.lock import CacheLock, lock_path, read_lock
from diarize_runner.cache.documents.manifest import CacheManifest
from diarize_runner.cache.documents.request import read_request
from diarize_runner.progress import NoProgress

REPO = "acme/pipeline"


@dataclass(frozen=True, kw_only=True)
class LocalHost:
    """A folder to resolve and build in."""

    folder: Path

    @property
    def request(self) -> Path:
        return self.folder / "pipeline.yaml"

    @property
    def out(self) -> Path:
        return self.folder / "built"

    @property
    def requirements(self) -> Path:
        return self.folder / "requirements.txt"

    def ask_for(self, files: Mapping[str, bytes], **more: object) -> None:
        """Write a request for one repository of `files`, and the files."""
        for path, data in files.items():
            (self.folder / "files" / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / "files" / path).write_bytes(data)
        sources = {path: {"local": f"files/{path}"} for path in files}
        repo = {"repo_id": REPO, "revision": "main", "licence": "MIT", **more, "files": sources}
        head = {"format": "diarize-runner/request/1", "name": "pipeline", "pipeline": REPO}
        self.request.write_text(yaml.safe_dump({**head, "repos": [repo]}, sort_keys=False))
        self.requirements.write_text("nothing==1\n")

    def lock(self) -> CacheLock:
        """Resolve the request, and write the lock beside it."""
        return write_lock(self.request)

    def build(self) -> CacheManifest:
        """Build the locked version 1.0."""
        return self.build_version("1.0")

    def build_version(self, version: str) -> CacheManifest:
        """Build the locked request as `version`."""
        lock = read_lock(read_request(self.request), lock_path(self.request))
        how = {"version": version, "requirements": self.requirements, "out": self.out, "progress": NoProgress()}
        return build(lock, folder=self.folder, **how)
