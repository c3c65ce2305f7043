"""A build host that builds one small repository from a Hub."""

from dataclasses import dataclass
from pathlib import Path

import yaml
from support.caches import build_version, write_lock

from diarize_runner.cache.checkpoint.writer import write_checkpoint
from diarize_runner.cache.documents.lock import CacheLock
from diarize_runner.cache.documents.manifest import CacheManifest

REPO = "acme/speaker-diarization"
FILES = {
    ".gitattributes": b"*.bin filter=lfs diff=lfs merge=lfs -text\n",
    "README.md": b"# A pipeline\n",
    "config.yaml": b"pipeline:\n  name: pyannote.audio.pipelines.SpeakerDiarization\n",
    "plda/plda.npz": bytes(range(256)) * 40,
    "segmentation/pytorch_model.bin": write_checkpoint({"weights": list(range(2000))}),
}
"""Three files in git, and two in LFS."""


@dataclass(frozen=True, kw_only=True)
class BuildHost:
    """A folder to resolve and build in."""

    folder: Path

    @property
    def request(self) -> Path:
        return self.folder / "pipeline.yaml"

    @property
    def out(self) -> Path:
        return self.folder / "built"

    def ask_for(self, repo_id: str = REPO, **selection: object) -> None:
        """Write a request for a Hub repository."""
        self.folder.mkdir(exist_ok=True)
        repo = {"repo_id": repo_id, "revision": "main", "licence": "MIT", "hub": selection}
        head = {"format": "diarize-runner/request/1", "name": "pipeline", "pipeline": repo_id}
        self.request.write_text(yaml.safe_dump({**head, "repos": [repo]}, sort_keys=False))

    def lock(self) -> CacheLock:
        """Resolve the request, and write the lock beside it."""
        return write_lock(self.request)

    def build(self) -> CacheManifest:
        """Build the locked version."""
        return build_version(self.request, self.out)
