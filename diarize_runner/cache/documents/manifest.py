"""The manifest: the contents of a published version, and the position of each blob in its archive."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from diarize_runner.cache.documents import canonical, environments, layout, manifest_v1
from diarize_runner.cache.documents.environments import ENVIRONMENTS, EnvironmentImage
from diarize_runner.cache.documents.fields import Node
from diarize_runner.cache.documents.snapshot import NAME, RepoSnapshot, parse_content, require_pipeline
from diarize_runner.cache.documents.wheelhouse import BOOTSTRAP, WHEELS, PublishedFile, Wheelhouse
from diarize_runner.digests import Content, Digest, hash_bytes
from diarize_runner.errors import UsageError

ARCHIVE_NAME = "huggingface-cache.tar.gz"
REQUIREMENTS_NAME = "requirements-diarization.txt"
INSTALLER_NAME = "requirements-installer.txt"
WHEELS_PAGE_NAME = "wheels.html"
BOOTSTRAP_NAME = "bootstrap.sh"
TOOLKIT_NAME = "toolkit.tar"
MANIFEST_NAME = "manifest.json"
SIGNATURE_NAME = "manifest.json.sig"
VERSION = r"[0-9][0-9a-z.-]{0,95}"
_SECTIONS = frozenset({WHEELS, BOOTSTRAP, ENVIRONMENTS})
"""The sections that this release knows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BlobSpan:
    """The position of one blob in the archive."""

    path: str
    """Path in the cache; begins with `huggingface/`."""
    content: Content
    offset: int
    """Bytes from the start of the archive."""
    length: int
    """Compressed bytes."""

    def to_dict(self) -> dict[str, object]:
        """Return the span as the manifest writes it."""
        return {"path": self.path, **self.content.to_dict(), "offset": self.offset, "length": self.length}

    @classmethod
    def from_node(cls, node: Node) -> "BlobSpan":
        """Parse the fields; raise ManifestError when one is missing, unknown or wrong."""
        fields = node.fields(["path", "size", "digest", "offset", "length"])
        return cls(
            path=fields["path"].path(),
            content=parse_content(fields),
            offset=fields["offset"].count(),
            length=fields["length"].count(),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheArchive:
    """The archive and its index of blobs."""

    file: PublishedFile
    blobs: tuple[BlobSpan, ...]
    """Sorted by path."""

    def to_dict(self) -> dict[str, object]:
        """Return the archive as the manifest writes it."""
        return {**self.file.to_dict(), "blobs": [blob.to_dict() for blob in self.blobs]}

    @classmethod
    def from_node(cls, node: Node) -> "CacheArchive":
        """Parse the fields; raise ManifestError when one is wrong or a span exceeds the archive."""
        fields = node.fields(["name", "size", "digest", "blobs"])
        own = {key: value.value for key, value in fields.items() if key != "blobs"}
        file = PublishedFile.from_node(Node(value=own, document=node.document, location=node.location))
        blobs = tuple(BlobSpan.from_node(item) for item in fields["blobs"].items())
        for blob, item in zip(blobs, fields["blobs"].items(), strict=True):
            if blob.offset + blob.length > file.content.size:
                raise item.error("the span exceeds the archive")
        return cls(file=file, blobs=blobs)


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheManifest:
    """A published version."""

    name: str
    version: str
    created_by: str
    pipeline: str
    repos: tuple[RepoSnapshot, ...]
    archive: CacheArchive
    requirements: PublishedFile
    wheelhouse: Wheelhouse | None = None
    """None when the version has no wheels."""
    environments: tuple[EnvironmentImage, ...] = ()
    """Sorted by name; empty when the version has no images."""
    original_bytes: bytes = field(default=b"", repr=False)
    """The bytes as read from manifest/1 or with unknown sections, which this release cannot write; else empty."""

    def to_bytes(self) -> bytes:
        """Return the bytes of the manifest's file."""
        return self.original_bytes or canonical.serialise(
            {
                "format": "diarize-runner/manifest/2",
                "name": self.name,
                "version": self.version,
                "created_by": self.created_by,
                "pipeline": self.pipeline,
                "repos": [repo.to_dict() for repo in self.repos],
                "archive": self.archive.to_dict(),
                "requirements": self.requirements.to_dict(),
                "sections": {
                    **(self.wheelhouse.to_sections() if self.wheelhouse else {}),
                    **environments.to_sections(self.environments),
                },
            }
        )

    @property
    def files(self) -> tuple[PublishedFile, ...]:
        """The files under `vVERSION/`, except the manifest and its signature."""
        return (self.archive.file, self.requirements, *(self.wheelhouse.files if self.wheelhouse else ()))

    @property
    def digest(self) -> Digest:
        """The digest of the manifest's bytes, which identifies the version."""
        return hash_bytes(self.to_bytes()).digest

    @property
    def unknown_sections(self) -> tuple[str, ...]:
        """The sections that this release does not know, sorted: it does not know their files either."""
        if not self.original_bytes:
            return ()
        sections = canonical.parse(self.original_bytes, MANIFEST_NAME).entries().get("sections")
        return tuple(sorted(sections.entries().keys() - _SECTIONS)) if sections else ()

    @classmethod
    def from_bytes(cls, data: bytes, document: str) -> "CacheManifest":
        """Parse a manifest of format version 2 or 1.

        Raises:
            ManifestError: a field is missing, unknown or wrong; the message names `document` and the location.
        """
        node = canonical.parse(data, document)
        if node.require_format("manifest", 2, 1) == 1:
            return replace(cls._from_fields(*manifest_v1.upgrade_to_v2(node)), original_bytes=data)
        fields = node.fields([*_REQUIRED, "sections"])
        sections = fields["sections"].entries()
        manifest = cls._from_fields(node, fields, sections)
        return manifest if sections.keys() <= _SECTIONS else replace(manifest, original_bytes=data)

    @classmethod
    def _from_fields(cls, node: Node, fields: Mapping[str, Node], sections: Mapping[str, Node]) -> "CacheManifest":
        repos = tuple(RepoSnapshot.from_node(item) for item in fields["repos"].items())
        layout.require_unique_folders([repo.repo_id for repo in repos], fields["repos"])
        manifest = cls(
            name=fields["name"].matching(NAME, "a name of lower-case letters, digits, '-' and '.'"),
            version=fields["version"].matching(VERSION, "a version such as '1.0'"),
            created_by=fields["created_by"].text(),
            pipeline=require_pipeline(fields["pipeline"], [repo.repo_id for repo in repos]),
            repos=repos,
            archive=CacheArchive.from_node(fields["archive"]),
            requirements=PublishedFile.from_node(fields["requirements"]),
            wheelhouse=Wheelhouse.from_sections(sections),
            environments=environments.from_sections(sections),
        )
        for file, name in zip(manifest.files, _FILE_NAMES, strict=False):
            if file.name != name:
                raise node.error(f"expected the file {name!r}, not {file.name!r}")
        _require_matching_blobs(repos, manifest.archive, fields["archive"])
        return manifest


_REQUIRED = ("format", "name", "version", "created_by", "pipeline", "repos", "archive", "requirements")
_FILE_NAMES = (ARCHIVE_NAME, REQUIREMENTS_NAME, INSTALLER_NAME, WHEELS_PAGE_NAME, BOOTSTRAP_NAME, TOOLKIT_NAME)
"""The names of `CacheManifest.files`, in order."""


def blobs_of(repos: tuple[RepoSnapshot, ...]) -> dict[str, Content]:
    """Return the blobs of `repos`: path in the cache to content."""
    return {layout.blob_path(repo.repo_id, file.content.digest): file.content for repo in repos for file in repo.files}


def _require_matching_blobs(repos: tuple[RepoSnapshot, ...], archive: CacheArchive, node: Node) -> None:
    expected, listed = blobs_of(repos), {blob.path: blob.content for blob in archive.blobs}
    if len(listed) != len(archive.blobs):
        raise node.error("a blob is listed twice")
    if expected != listed:
        odd = sorted(path for path in expected.keys() | listed.keys() if expected.get(path) != listed.get(path))
        raise node.error(f"the archive's blobs differ from those of the repos, first at {odd[0]}")


def parse_version(text: str) -> str:
    """Return a version given on the command line; raise UsageError when it is malformed."""
    if not re.fullmatch(VERSION, text):
        hint = "begin with a digit; then use digits, lower-case letters, . and -, as in 1.0"
        raise UsageError(f"{text!r} is not a valid version", hint=hint)
    return text
