"""The lock: a request with every file pinned to its digest."""

from dataclasses import dataclass
from pathlib import Path

from diarize_runner.cache.documents import canonical, layout
from diarize_runner.cache.documents.fields import Node
from diarize_runner.cache.documents.request import CacheRequest
from diarize_runner.cache.documents.snapshot import NAME, RepoSnapshot, optional_pipeline
from diarize_runner.digests import Digest
from diarize_runner.errors import ManifestError, UsageError


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheLock:
    """The exact contents of a cache to build."""

    request: Digest
    """Digest of the request that was resolved."""
    name: str
    pipeline: str | None
    """None for models to build together with a pipeline."""
    repos: tuple[RepoSnapshot, ...]

    def require_pipeline(self) -> str:
        """Return the pipeline; raise UsageError if there is none."""
        if not self.pipeline:
            hint = "build it together with a request that has one: cache build embedded.yaml whisper-small.yaml"
            raise UsageError(f"{self.name} has no pipeline", hint=hint)
        return self.pipeline

    def to_bytes(self) -> bytes:
        """Return the bytes of the lock's file."""
        return canonical.serialise(
            {
                "format": "diarize-runner/lock/2",
                "request": str(self.request),
                "name": self.name,
                **({"pipeline": self.pipeline} if self.pipeline else {}),
                "repos": [repo.to_dict() for repo in self.repos],
            }
        )

    @classmethod
    def from_node(cls, node: Node) -> "CacheLock":
        """Parse the fields; raise ManifestError when one is missing, unknown or wrong."""
        node.require_format("lock", 2)
        fields = node.fields(["format", "request", "name", "repos"], optional=["pipeline"])
        repos = tuple(RepoSnapshot.from_node(item) for item in fields["repos"].items())
        layout.require_unique_folders([repo.repo_id for repo in repos], fields["repos"])
        return cls(
            request=fields["request"].digest(),
            name=fields["name"].matching(NAME, "a name of lower-case letters, digits, '-' and '.'"),
            pipeline=optional_pipeline(fields, [repo.repo_id for repo in repos]),
            repos=repos,
        )


def lock_path(request: Path) -> Path:
    """Return the path of a request's lock: `embedded.lock.json` for `embedded.yaml`."""
    return request.with_suffix(".lock.json")


def read_lock(request: CacheRequest, path: Path) -> CacheLock:
    """Read the lock at `path`; raise ManifestError when it is missing or `request` has changed since."""
    hint = f"run: diarize-runner cache resolve {path.with_name(path.name.replace('.lock.json', '.yaml'))}"
    try:
        data = path.read_bytes()
    except OSError as reason:
        raise ManifestError(f"cannot read the lock {path}: {reason.strerror}", hint=hint) from reason
    lock = CacheLock.from_node(canonical.parse(data, str(path)))
    if lock.request != request.digest:
        raise ManifestError(f"{path}: the request has changed since it was locked", hint=hint)
    return lock
