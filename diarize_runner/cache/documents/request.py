"""The request: the repositories that a user wants in a cache, and the source of each file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from diarize_runner.cache.documents import canonical, layout
from diarize_runner.cache.documents.fields import Node, require_unique_paths
from diarize_runner.cache.documents.snapshot import (
    NAME,
    REPO_ID,
    REVISION,
    Source,
    optional_pipeline,
    parse_source,
    parse_strings,
)
from diarize_runner.digests import Digest, hash_bytes
from diarize_runner.errors import ManifestError


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestedFile:
    """A file of a requested repository."""

    path: str
    source: Source


@dataclass(frozen=True, kw_only=True, slots=True)
class HubSelection:
    """The files to take from a Hub repository."""

    at: str
    """Branch, tag or commit."""
    allow_patterns: tuple[str, ...]
    """Shell patterns; empty selects every file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestedRepo:
    """A requested repository: taken from the Hub, or composed of files from other sources."""

    repo_id: str
    revision: str
    """The branch name that consumers request."""
    licence: str
    content: HubSelection | tuple[RequestedFile, ...]
    """Files are sorted by path."""
    pickle_names: tuple[str, ...] = ()
    """Extra names allowed in its checkpoints' pickles; rewriting drops the objects they name."""
    class_names: tuple[str, ...] = ()
    """Extra classes that pyannote may instantiate."""

    @classmethod
    def from_node(cls, node: Node) -> "RequestedRepo":
        """Parse the fields; raise ManifestError when one is missing, unknown or wrong."""
        kind = "hub" if "hub" in node.entries() else "files"
        fields = node.fields(["repo_id", "revision", "licence", kind], optional=["pickle_names", "class_names"])
        revision = fields["revision"].matching(REVISION, "a branch name")
        return cls(
            repo_id=fields["repo_id"].matching(REPO_ID, "a repo_id such as 'organisation/name'"),
            revision=revision,
            licence=fields["licence"].text(),
            content=_hub_selection(fields["hub"], revision) if kind == "hub" else _requested_files(fields["files"]),
            pickle_names=parse_strings(fields.get("pickle_names")),
            class_names=parse_strings(fields.get("class_names")),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheRequest:
    """The input of `cache resolve`."""

    name: str
    pipeline: str | None
    """None for models to build together with a pipeline."""
    repos: tuple[RequestedRepo, ...]
    folder: Path
    """The folder that holds the request and its local files."""
    digest: Digest
    """Digest of the request's bytes, which its lock records."""

    @classmethod
    def from_node(cls, node: Node, *, folder: Path, digest: Digest) -> "CacheRequest":
        """Parse the fields; raise ManifestError when one is missing, unknown or wrong."""
        node.require_format("request", 1)
        fields = node.fields(["format", "name", "repos"], optional=["pipeline"])
        repos = tuple(RequestedRepo.from_node(item) for item in fields["repos"].items())
        layout.require_unique_folders([repo.repo_id for repo in repos], fields["repos"])
        return cls(
            name=fields["name"].matching(NAME, "a name of lower-case letters, digits, '-' and '.'"),
            pipeline=optional_pipeline(fields, [repo.repo_id for repo in repos]),
            repos=repos,
            folder=folder,
            digest=digest,
        )


class _UniqueKeyLoader(yaml.SafeLoader):
    """Rejects duplicate keys, of which PyYAML silently keeps the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002  # yaml's
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(set(keys)) != len(keys):
            raise yaml.constructor.ConstructorError(None, None, "an object has the same key twice", node.start_mark)
        return super().construct_mapping(node, deep)


def read_request(path: Path) -> CacheRequest:
    """Read the request at `path`; raise ManifestError when it is missing, not YAML, or wrong."""
    try:
        data = path.read_bytes()
        document = yaml.load(data, _UniqueKeyLoader)  # noqa: S506  # a SafeLoader
    except OSError as reason:
        raise ManifestError(f"cannot read {path}: {reason.strerror}", hint="check the path") from reason
    except canonical.YAML_ERRORS as reason:
        raise ManifestError(f"{path}: not a valid request: {reason}", hint="see cache_manifests/FORMAT.md") from reason
    return CacheRequest.from_node(
        Node(value=document, document=str(path)), folder=path.parent, digest=hash_bytes(data).digest
    )


def _hub_selection(node: Node, revision: str) -> HubSelection:
    fields = node.fields([], optional=["at", "allow_patterns"])
    at = fields["at"].matching(REVISION, "a branch, tag or commit") if "at" in fields else revision
    return HubSelection(at=at, allow_patterns=parse_strings(fields.get("allow_patterns")))


def _requested_files(node: Node) -> tuple[RequestedFile, ...]:
    entries = node.entries()
    require_unique_paths(entries, node)
    paths = {
        key: Node(value=key, document=value.document, location=value.location).path() for key, value in entries.items()
    }
    return tuple(RequestedFile(path=paths[key], source=parse_source(entries[key])) for key in sorted(entries))
