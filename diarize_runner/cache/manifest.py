"""The manifest: what a published version holds, and where each blob lies in its archive."""

from dataclasses import dataclass

from diarize_runner.cache import documents, layout
from diarize_runner.cache.fields import Node
from diarize_runner.cache.request import NAME
from diarize_runner.cache.snapshot import RepoSnapshot, require_pipeline
from diarize_runner.digests import Content, Digest, content_of

ARCHIVE_NAME = "huggingface-cache.tar.gz"
REQUIREMENTS_NAME = "requirements-diarization.txt"
MANIFEST_NAME = "manifest.json"
SIGNATURE_NAME = "manifest.json.sig"
VERSION = r"[0-9][0-9a-z.-]{0,95}"


@dataclass(frozen=True, kw_only=True, slots=True)
class BlobSpan:
    """Where one blob lies in the archive."""

    path: str
    """In the cache, from `huggingface/` on."""
    content: Content
    offset: int
    """Bytes from the start of the archive."""
    length: int
    """Compressed bytes."""

    def to_dict(self) -> dict[str, object]:
        """Return the span as the manifest writes it."""
        content = {"size": self.content.size, "digest": str(self.content.digest)}
        return {"path": self.path, **content, "offset": self.offset, "length": self.length}

    @classmethod
    def from_node(cls, node: Node) -> "BlobSpan":
        """Raise ManifestError, naming the place, when a field is missing, unknown or wrong."""
        fields = node.fields(["path", "size", "digest", "offset", "length"])
        return cls(
            path=fields["path"].path(),
            content=Content(size=fields["size"].count(), digest=fields["digest"].digest()),
            offset=fields["offset"].count(),
            length=fields["length"].count(),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedFile:
    """A file of a published version."""

    name: str
    content: Content

    def to_dict(self) -> dict[str, object]:
        """Return the file as the documents write it."""
        return {"name": self.name, "size": self.content.size, "digest": str(self.content.digest)}

    @classmethod
    def from_node(cls, node: Node) -> "PublishedFile":
        """Raise ManifestError, naming the place, when a field is missing, unknown or wrong."""
        fields = node.fields(["name", "size", "digest"])
        content = Content(size=fields["size"].count(), digest=fields["digest"].digest())
        return cls(name=fields["name"].path(), content=content)


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheArchive:
    """The archive, and its table of contents."""

    file: PublishedFile
    blobs: tuple[BlobSpan, ...]
    """In order of path."""

    def to_dict(self) -> dict[str, object]:
        """Return the archive as the manifest writes it."""
        return {**self.file.to_dict(), "blobs": [blob.to_dict() for blob in self.blobs]}

    @classmethod
    def from_node(cls, node: Node) -> "CacheArchive":
        """Raise ManifestError, naming the place, when a field is wrong or a span leads out of the archive."""
        fields = node.fields(["name", "size", "digest", "blobs"])
        own = {key: value.value for key, value in fields.items() if key != "blobs"}
        file = PublishedFile.from_node(Node(value=own, document=node.document, place=node.place))
        blobs = tuple(BlobSpan.from_node(item) for item in fields["blobs"].items())
        for blob, item in zip(blobs, fields["blobs"].items(), strict=True):
            if blob.offset + blob.length > file.content.size:
                raise item.error("a span leads out of the archive")
        return cls(file=file, blobs=blobs)


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheManifest:
    """A published version, whole."""

    name: str
    version: str
    created_by: str
    pipeline: str
    repos: tuple[RepoSnapshot, ...]
    archive: CacheArchive
    requirements: PublishedFile

    def to_bytes(self) -> bytes:
        """Return the manifest as the store holds it."""
        return documents.serialise(
            {
                "format": "diarize-runner/manifest/1",
                "name": self.name,
                "version": self.version,
                "created_by": self.created_by,
                "pipeline": self.pipeline,
                "repos": [repo.to_dict() for repo in self.repos],
                "archive": self.archive.to_dict(),
                "requirements": self.requirements.to_dict(),
            }
        )

    @property
    def digest(self) -> Digest:
        """The digest of the manifest's one serialisation: the identity of the version."""
        return content_of(self.to_bytes()).digest

    @classmethod
    def from_bytes(cls, data: bytes, document: str) -> "CacheManifest":
        """Raise ManifestError, naming `document` and the place, when anything is missing, unknown or wrong."""
        node = documents.parse(data, document)
        node.require_format("manifest")
        fields = node.fields(
            ["format", "name", "version", "created_by", "pipeline", "repos", "archive", "requirements"]
        )
        repos = tuple(RepoSnapshot.from_node(item) for item in fields["repos"].items())
        layout.require_distinct_folders([repo.repo_id for repo in repos], fields["repos"])
        manifest = cls(
            name=fields["name"].matching(NAME, "a name of lower-case letters, digits, '-' and '.'"),
            version=fields["version"].matching(VERSION, "a version such as '1.0'"),
            created_by=fields["created_by"].text(),
            pipeline=require_pipeline(fields["pipeline"], [repo.repo_id for repo in repos]),
            repos=repos,
            archive=CacheArchive.from_node(fields["archive"]),
            requirements=PublishedFile.from_node(fields["requirements"]),
        )
        for file, name in ((manifest.archive.file, ARCHIVE_NAME), (manifest.requirements, REQUIREMENTS_NAME)):
            if file.name != name:
                raise node.error(f"{file.name!r} stands where {name!r} must")
        _require_blobs_of(repos, manifest.archive, fields["archive"])
        return manifest


def blobs_of(repos: tuple[RepoSnapshot, ...]) -> dict[str, Content]:
    """Return every blob that `repos` need: its path in the cache, and what it holds."""
    return {layout.blob_path(repo.repo_id, file.content.digest): file.content for repo in repos for file in repo.files}


def _require_blobs_of(repos: tuple[RepoSnapshot, ...], archive: CacheArchive, node: Node) -> None:
    wanted, listed = blobs_of(repos), {blob.path: blob.content for blob in archive.blobs}
    if len(listed) != len(archive.blobs):
        raise node.error("a blob is listed twice")
    if wanted != listed:
        odd = sorted(path for path in wanted.keys() | listed.keys() if wanted.get(path) != listed.get(path))
        raise node.error(f"the archive's blobs are not those of the repos, first at {odd[0]}")


def read_version(text: str) -> str:
    """Return a version as the command line gives it; raise ManifestError when it is none."""
    return Node(value=text, document="--version").matching(VERSION, "a version such as '1.0'")
