"""The request: which repositories a person wants in a cache, and where each file comes from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from diarize_runner.cache.documents import canonical, layout
from diarize_runner.cache.documents.fields import Node, require_distinct
from diarize_runner.cache.documents.snapshot import NAME, REPO_ID, REVISION, Source, require_pipeline, source_of, texts
from diarize_runner.digests import Digest, content_of
from diarize_runner.errors import ManifestError


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestedFile:
    """A file that a repository should have."""

    path: str
    source: Source


@dataclass(frozen=True, kw_only=True, slots=True)
class HubSelection:
    """The files of a Hub repository that the cache should hold."""

    at: str
    """Branch, tag or commit to take."""
    allow_patterns: tuple[str, ...]
    """Shell patterns; none means every file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestedRepo:
    """A repository that the cache should hold: taken from the Hub, or composed of files from elsewhere."""

    repo_id: str
    revision: str
    """The branch name that consumers ask for."""
    licence: str
    content: HubSelection | tuple[RequestedFile, ...]
    """Files are in order of path."""
    pickle_names: tuple[str, ...] = ()
    """Names that its checkpoints may hold beside the usual ones; rewriting drops what they stand for."""
    class_names: tuple[str, ...] = ()
    """Classes that pyannote may make an object of, beside the standard ones."""

    @classmethod
    def from_node(cls, node: Node) -> "RequestedRepo":
        """Raise ManifestError, naming the place, when a field is missing, unknown or wrong."""
        kind = "hub" if "hub" in node.entries() else "files"
        fields = node.fields(["repo_id", "revision", "licence", kind], optional=["pickle_names", "class_names"])
        revision = fields["revision"].matching(REVISION, "a branch name")
        return cls(
            repo_id=fields["repo_id"].matching(REPO_ID, "a repo_id such as 'organisation/name'"),
            revision=revision,
            licence=fields["licence"].text(),
            content=_hub_selection(fields["hub"], revision) if kind == "hub" else _requested_files(fields["files"]),
            pickle_names=texts(fields.get("pickle_names")),
            class_names=texts(fields.get("class_names")),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheRequest:
    """What a person asks `cache resolve` for."""

    name: str
    pipeline: str
    repos: tuple[RequestedRepo, ...]
    folder: Path
    """Where the request lies; its local files are beside it."""
    digest: Digest
    """Of the request's bytes; its lock names it."""

    @classmethod
    def from_node(cls, node: Node, *, folder: Path, digest: Digest) -> "CacheRequest":
        """Raise ManifestError, naming the place, when a field is missing, unknown or wrong."""
        node.require_format("request", 1)
        fields = node.fields(["format", "name", "pipeline", "repos"])
        repos = tuple(RequestedRepo.from_node(item) for item in fields["repos"].items())
        layout.require_distinct_folders([repo.repo_id for repo in repos], fields["repos"])
        return cls(
            name=fields["name"].matching(NAME, "a name of lower-case letters, digits, '-' and '.'"),
            pipeline=require_pipeline(fields["pipeline"], [repo.repo_id for repo in repos]),
            repos=repos,
            folder=folder,
            digest=digest,
        )


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice: YAML would keep the second in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002  # yaml's
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(set(keys)) != len(keys):
            raise yaml.constructor.ConstructorError(None, None, "a key stands twice in one object", node.start_mark)
        return super().construct_mapping(node, deep)


def read_request(path: Path) -> CacheRequest:
    """Read the request at `path`; raise ManifestError when it is missing, not YAML, or wrong."""
    try:
        data = path.read_bytes()
        document = yaml.load(data, _Loader)  # noqa: S506  # a SafeLoader
    except OSError as reason:
        raise ManifestError(f"cannot read {path}: {reason.strerror}", hint="check the path") from reason
    except canonical.YAML_FAULTS as reason:
        raise ManifestError(
            f"{path}: no request can be read: {reason}", hint="see cache_manifests/FORMAT.md"
        ) from reason
    return CacheRequest.from_node(
        Node(value=document, document=str(path)), folder=path.parent, digest=content_of(data).digest
    )


def _hub_selection(node: Node, revision: str) -> HubSelection:
    fields = node.fields([], optional=["at", "allow_patterns"])
    at = fields["at"].matching(REVISION, "a branch, tag or commit") if "at" in fields else revision
    return HubSelection(at=at, allow_patterns=texts(fields.get("allow_patterns")))


def _requested_files(node: Node) -> tuple[RequestedFile, ...]:
    entries = node.entries()
    require_distinct(entries, node)
    paths = {key: Node(value=key, document=value.document, place=value.place).path() for key, value in entries.items()}
    return tuple(RequestedFile(path=paths[key], source=source_of(entries[key])) for key in sorted(entries))
