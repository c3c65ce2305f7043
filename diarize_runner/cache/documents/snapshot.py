"""A pinned repository, as the lock and the manifest record it."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from diarize_runner.cache.documents.fields import Node, require_unique_paths
from diarize_runner.digests import Content, Digest

NAME = r"[a-z0-9][a-z0-9.-]*"
"""The name of a request and its cache."""
REPO_ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
REVISION = r"(?!.{97})[A-Za-z0-9_][A-Za-z0-9._+-]*(/[A-Za-z0-9_][A-Za-z0-9._+-]*)*"
"""Such as `main` or `refs/pr/1`. Both become paths, so their length is limited; the Hub's limits are lower."""
REQUIREMENT = r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][0-9A-Za-z.+!]*"


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalFile:
    """A file beside the request."""

    path: str
    """Relative to the request's folder."""

    def to_dict(self) -> dict[str, object]:
        """Return the source as the documents write it."""
        return {"local": self.path}


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelMember:
    """A file inside a wheel of the package index."""

    requirement: str
    """Such as `whisperx==3.8.6`."""
    member: str
    """The file's path in the wheel."""
    convert: str | None
    """The conversion that produces the repository's file; None copies the member unchanged."""

    def to_dict(self) -> dict[str, object]:
        """Return the source as the documents write it."""
        conversion = {"convert": self.convert} if self.convert else {}
        return {"wheel": self.requirement, "member": self.member, **conversion}


@dataclass(frozen=True, kw_only=True, slots=True)
class PinnedWheelMember:
    """A file inside a wheel pinned by digest."""

    source: WheelMember
    wheel_digest: Digest

    def to_dict(self) -> dict[str, object]:
        """Return the source as the documents write it."""
        unpinned = self.source.to_dict()
        return {"wheel": unpinned.pop("wheel"), "wheel_digest": str(self.wheel_digest), **unpinned}


@dataclass(frozen=True, kw_only=True, slots=True)
class HubFile:
    """A file of a Hub repository at the snapshot's commit."""

    etag: str
    """The Hub's ETag of the content."""

    def to_dict(self) -> dict[str, object]:
        """Return the source as the documents write it."""
        return {"hub": self.etag}


Source = LocalFile | WheelMember
PinnedSource = LocalFile | PinnedWheelMember | HubFile


@dataclass(frozen=True, kw_only=True, slots=True)
class HubOrigin:
    """The origin of a snapshot taken from the Hub."""

    gated: str
    """`no`, `auto` (users must accept terms) or `manual` (the author must also approve)."""
    allow_patterns: tuple[str, ...]
    """The requested files; empty selects all. A file that they exclude is not missing."""

    def to_dict(self) -> dict[str, object]:
        """Return the origin as the documents write it."""
        return {"gated": self.gated, "allow_patterns": list(self.allow_patterns)}

    @classmethod
    def from_node(cls, node: Node) -> "HubOrigin":
        """Parse the fields; raise ManifestError when one is missing, unknown or wrong."""
        fields = node.fields(["gated", "allow_patterns"])
        gated = fields["gated"].matching("no|auto|manual", "one of no, auto, manual")
        return cls(gated=gated, allow_patterns=tuple(item.text() for item in fields["allow_patterns"].items()))


@dataclass(frozen=True, kw_only=True, slots=True)
class Upstream:
    """The original of a rewritten checkpoint."""

    content: Content
    pickle_names: tuple[str, ...]
    """Every name in its pickles, sorted; none is imported."""

    def to_dict(self) -> dict[str, object]:
        """Return the upstream file as the documents write it."""
        return {**self.content.to_dict(), "pickle_names": list(self.pickle_names)}

    @classmethod
    def from_node(cls, node: Node) -> "Upstream":
        """Parse the fields; raise ManifestError when one is missing, unknown or wrong."""
        fields = node.fields(["size", "digest", "pickle_names"])
        return cls(content=parse_content(fields), pickle_names=parse_strings(fields["pickle_names"]))


@dataclass(frozen=True, kw_only=True, slots=True)
class FileEntry:
    """One file of a snapshot. Its blob is named after its digest, like the Hub's large files."""

    path: str
    content: Content
    source: PinnedSource
    upstream: Upstream | None = None
    """None when the file is an unchanged copy of its source."""
    class_names: tuple[str, ...] = ()
    """The classes that pyannote instantiates when it loads the file."""

    def to_dict(self) -> dict[str, object]:
        """Return the entry as the documents write it."""
        return {
            "path": self.path,
            **self.content.to_dict(),
            "source": self.source.to_dict(),
            **({"upstream": self.upstream.to_dict()} if self.upstream else {}),
            **({"class_names": list(self.class_names)} if self.class_names else {}),
        }

    @classmethod
    def from_node(cls, node: Node) -> "FileEntry":
        """Parse the fields; raise ManifestError when one is missing, unknown or wrong."""
        fields = node.fields(["path", "size", "digest", "source"], optional=["upstream", "class_names"])
        return cls(
            path=fields["path"].path(),
            content=parse_content(fields),
            source=_pinned_source(fields["source"]),
            upstream=Upstream.from_node(fields["upstream"]) if "upstream" in fields else None,
            class_names=parse_strings(fields.get("class_names")),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class RepoSnapshot:
    """A repository at one commit."""

    repo_id: str
    revision: str
    """The branch name that consumers request."""
    commit_hash: str
    """40 hexadecimal digits."""
    licence: str
    """An SPDX expression."""
    hub: HubOrigin | None
    """None when composed of wheels and local files."""
    files: tuple[FileEntry, ...]
    """Sorted by path."""

    def to_dict(self) -> dict[str, object]:
        """Return the snapshot as the documents write it."""
        return {
            "repo_id": self.repo_id,
            "revision": self.revision,
            "commit_hash": self.commit_hash,
            "licence": self.licence,
            **({"hub": self.hub.to_dict()} if self.hub else {}),
            "files": [file.to_dict() for file in self.files],
        }

    @classmethod
    def from_node(cls, node: Node) -> "RepoSnapshot":
        """Parse the fields; raise ManifestError when one is missing, unknown or wrong."""
        fields = node.fields(["repo_id", "revision", "commit_hash", "licence", "files"], optional=["hub"])
        files = tuple(FileEntry.from_node(item) for item in fields["files"].items())
        require_unique_paths([file.path for file in files], fields["files"])
        return cls(
            repo_id=fields["repo_id"].matching(REPO_ID, "a repo_id such as 'organisation/name'"),
            revision=fields["revision"].matching(REVISION, "a branch name"),
            commit_hash=fields["commit_hash"].matching(r"[0-9a-f]{40}", "a commit hash"),
            licence=fields["licence"].text(),
            hub=HubOrigin.from_node(fields["hub"]) if "hub" in fields else None,
            files=files,
        )


def commit_hash_of(files: Iterable[FileEntry]) -> str:
    """Return a commit hash derived from the files, for a repository without git history.

    The result has 40 hexadecimal digits because huggingface_hub accepts no other commit hash.
    """
    listing = "".join(f"{file.content.digest}  {file.path}\n" for file in sorted(files, key=lambda file: file.path))
    return hashlib.sha256(listing.encode()).hexdigest()[:40]


def parse_content(fields: Mapping[str, Node]) -> Content:
    """Parse the keys `size` and `digest`."""
    return Content(size=fields["size"].count(), digest=fields["digest"].digest())


def parse_strings(node: Node | None) -> tuple[str, ...]:
    """Parse a list of strings; return an empty tuple when the key is absent."""
    return tuple(item.text() for item in node.items()) if node else ()


def parse_source(node: Node) -> Source:
    """Parse a file's source in a request."""
    if "local" in node.entries():
        return LocalFile(path=node.fields(["local"])["local"].path())
    return _wheel_member(node.fields(["wheel", "member"], optional=["convert"]))


def _pinned_source(node: Node) -> PinnedSource:
    if "local" in node.entries():
        return LocalFile(path=node.fields(["local"])["local"].path())
    if "hub" in node.entries():
        return HubFile(etag=node.fields(["hub"])["hub"].text())
    fields = node.fields(["wheel", "wheel_digest", "member"], optional=["convert"])
    return PinnedWheelMember(source=_wheel_member(fields), wheel_digest=fields["wheel_digest"].digest())


def _wheel_member(fields: dict[str, Node]) -> WheelMember:
    return WheelMember(
        requirement=fields["wheel"].matching(REQUIREMENT, "a pinned requirement such as 'whisperx==3.8.6'"),
        member=fields["member"].path(),
        convert=fields["convert"].text() if "convert" in fields else None,
    )


def require_pipeline(pipeline: Node, repo_ids: Iterable[str]) -> str:
    """Return the pipeline's repo_id; raise ManifestError unless it is one of `repo_ids`."""
    repo_id = pipeline.matching(REPO_ID, "a repo_id such as 'organisation/name'")
    if repo_id not in repo_ids:
        raise pipeline.error(f"{repo_id!r} is not among the repos")
    return repo_id


def optional_pipeline(fields: Mapping[str, Node], repo_ids: Iterable[str]) -> str | None:
    """Return the pipeline's repo_id, or None without the key; raise ManifestError unless it is one of `repo_ids`."""
    return require_pipeline(fields["pipeline"], repo_ids) if "pipeline" in fields else None
