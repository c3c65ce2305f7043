"""One repository, pinned: what the lock and the manifest both say of it."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from diarize_runner.cache.documents.fields import Node, require_distinct
from diarize_runner.digests import Content, Digest

NAME = r"[a-z0-9][a-z0-9.-]*"
"""Of a request, and of the cache made from it."""
REPO_ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
REVISION = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
"""All become names of files, which must be short; the Hub's are shorter."""
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
    """The conversion that makes the repository's file of the member; None takes the member as it is."""

    def to_dict(self) -> dict[str, object]:
        """Return the source as the documents write it."""
        conversion = {"convert": self.convert} if self.convert else {}
        return {"wheel": self.requirement, "member": self.member, **conversion}


@dataclass(frozen=True, kw_only=True, slots=True)
class PinnedWheelMember:
    """A file inside one very wheel."""

    source: WheelMember
    wheel_digest: Digest

    def to_dict(self) -> dict[str, object]:
        """Return the source as the documents write it."""
        unpinned = self.source.to_dict()
        return {"wheel": unpinned.pop("wheel"), "wheel_digest": str(self.wheel_digest), **unpinned}


@dataclass(frozen=True, kw_only=True, slots=True)
class HubFile:
    """A file of a Hub repository, at the commit of its snapshot."""

    etag: str
    """What the Hub calls its content."""

    def to_dict(self) -> dict[str, object]:
        """Return the source as the documents write it."""
        return {"hub": self.etag}


Source = LocalFile | WheelMember
PinnedSource = LocalFile | PinnedWheelMember | HubFile


@dataclass(frozen=True, kw_only=True, slots=True)
class HubOrigin:
    """How a snapshot was taken from the Hub."""

    gated: str
    """`no`, `auto` or `manual`: whether somebody had to accept terms, and somebody else to let them."""
    allow_patterns: tuple[str, ...]
    """Which files were wanted: empty means all. What they leave out is left out by design, not broken."""

    def to_dict(self) -> dict[str, object]:
        """Return the origin as the documents write it."""
        return {"gated": self.gated, "allow_patterns": list(self.allow_patterns)}

    @classmethod
    def from_node(cls, node: Node) -> "HubOrigin":
        """Raise ManifestError, naming the place, when a field is missing, unknown or wrong."""
        fields = node.fields(["gated", "allow_patterns"])
        gated = fields["gated"].matching("no|auto|manual", "one of no, auto, manual")
        return cls(gated=gated, allow_patterns=tuple(item.text() for item in fields["allow_patterns"].items()))


@dataclass(frozen=True, kw_only=True, slots=True)
class Upstream:
    """The checkpoint as its source has it, from which a file of a snapshot was rewritten."""

    content: Content
    pickle_names: tuple[str, ...]
    """Every name in its pickles, sorted. None of them is imported."""

    def to_dict(self) -> dict[str, object]:
        """Return the upstream file as the documents write it."""
        return {**self.content.to_dict(), "pickle_names": list(self.pickle_names)}

    @classmethod
    def from_node(cls, node: Node) -> "Upstream":
        """Raise ManifestError, naming the place, when a field is missing, unknown or wrong."""
        fields = node.fields(["size", "digest", "pickle_names"])
        return cls(content=content_from(fields), pickle_names=texts(fields["pickle_names"]))


@dataclass(frozen=True, kw_only=True, slots=True)
class FileEntry:
    """One file of a snapshot. Its blob is named by its digest, as the Hub's large files are."""

    path: str
    content: Content
    source: PinnedSource
    upstream: Upstream | None = None
    """None where the file travels as its source has it."""
    class_names: tuple[str, ...] = ()
    """The classes that pyannote makes an object of when it loads the file."""

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
        """Raise ManifestError, naming the place, when a field is missing, unknown or wrong."""
        fields = node.fields(["path", "size", "digest", "source"], optional=["upstream", "class_names"])
        return cls(
            path=fields["path"].path(),
            content=content_from(fields),
            source=_pinned_source(fields["source"]),
            upstream=Upstream.from_node(fields["upstream"]) if "upstream" in fields else None,
            class_names=texts(fields.get("class_names")),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class RepoSnapshot:
    """A repository at one commit."""

    repo_id: str
    revision: str
    """The branch name that consumers ask for."""
    commit_hash: str
    """40 hexadecimal digits."""
    licence: str
    """An SPDX expression."""
    hub: HubOrigin | None
    """None where it was made of wheels and local files."""
    files: tuple[FileEntry, ...]
    """In order of path."""

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
        """Raise ManifestError, naming the place, when a field is missing, unknown or wrong."""
        fields = node.fields(["repo_id", "revision", "commit_hash", "licence", "files"], optional=["hub"])
        files = tuple(FileEntry.from_node(item) for item in fields["files"].items())
        require_distinct([file.path for file in files], fields["files"])
        return cls(
            repo_id=fields["repo_id"].matching(REPO_ID, "a repo_id such as 'organisation/name'"),
            revision=fields["revision"].matching(REVISION, "a branch name"),
            commit_hash=fields["commit_hash"].matching(r"[0-9a-f]{40}", "a commit hash"),
            licence=fields["licence"].text(),
            hub=HubOrigin.from_node(fields["hub"]) if "hub" in fields else None,
            files=files,
        )


def commit_hash_of(files: Iterable[FileEntry]) -> str:
    """Name the state of a repository that has no git history by what it holds.

    The result is 40 hexadecimal digits, as a git commit's would be: huggingface_hub takes nothing else for one.
    """
    listing = "".join(f"{file.content.digest}  {file.path}\n" for file in sorted(files, key=lambda file: file.path))
    return hashlib.sha256(listing.encode()).hexdigest()[:40]


def content_from(fields: Mapping[str, Node]) -> Content:
    """Read the keys `size` and `digest`."""
    return Content(size=fields["size"].count(), digest=fields["digest"].digest())


def texts(node: Node | None) -> tuple[str, ...]:
    """Read a list of strings; none where the key is absent."""
    return tuple(item.text() for item in node.items()) if node else ()


def source_of(node: Node) -> Source:
    """Read a source as a request writes it."""
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
    """Return the repo_id of the pipeline's repository, which must be among `repo_ids`."""
    repo_id = pipeline.matching(REPO_ID, "a repo_id such as 'organisation/name'")
    if repo_id not in repo_ids:
        raise pipeline.error(f"{repo_id!r} is not among the repos")
    return repo_id
