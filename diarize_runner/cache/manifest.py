"""The manifest: what a published version holds, and where each blob lies in its archive."""

import re
from dataclasses import dataclass

from diarize_runner.cache import documents, layout
from diarize_runner.cache.fields import Node, require_distinct
from diarize_runner.cache.snapshot import NAME, RepoSnapshot, require_pipeline
from diarize_runner.digests import Content, Digest, content_of
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
_WHEEL_NAME = r"[A-Za-z0-9][A-Za-z0-9._+!]*(-[A-Za-z0-9._+!]+){4,5}\.whl"
"""https://packaging.python.org/en/latest/specifications/binary-distribution-format/#file-name-convention"""


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
class Wheelhouse:
    """The wheels that a version carries, and what a box needs to get at them."""

    installer: PublishedFile
    """The pinned requirements of what is installed first: uv, and what reads a store."""
    page: PublishedFile
    """Links to the wheels, for pip and uv."""
    wheels: tuple[PublishedFile, ...]
    """In order of name."""
    bootstrap: "Bootstrap | None" = None
    """None where a box cannot provision itself from the version."""

    def to_dict(self) -> dict[str, object]:
        """Return what the manifest says of them."""
        return {
            "installer": self.installer.to_dict(),
            "wheels_page": self.page.to_dict(),
            "wheels": [wheel.to_dict() for wheel in self.wheels],
            **(self.bootstrap.to_dict() if self.bootstrap else {}),
        }

    @property
    def files(self) -> tuple[PublishedFile, ...]:
        """The files that lie under the version's own name."""
        boot = self.bootstrap
        return (self.installer, self.page, *((boot.script, boot.toolkit) if boot else ()))

    @classmethod
    def from_fields(cls, fields: dict[str, Node]) -> "Wheelhouse | None":
        """Return what the fields of a manifest say, None where they say nothing.

        Raises:
            ManifestError: one of them lacks the others, or a wheel is not called like one, or is called like another.
        """
        if not _all_or_none(fields, _OF_BOOTSTRAP, _OF_WHEELS) and not _all_or_none(fields, _OF_WHEELS):
            return None
        wheels = tuple(_wheel(item) for item in fields["wheels"].items())
        require_distinct([wheel.name for wheel in wheels], fields["wheels"])
        installer, page = (PublishedFile.from_node(fields[key]) for key in ("installer", "wheels_page"))
        return cls(installer=installer, page=page, wheels=wheels, bootstrap=Bootstrap.from_fields(fields))


@dataclass(frozen=True, kw_only=True, slots=True)
class Bootstrap:
    """What a box that provisions itself begins with."""

    script: PublishedFile
    toolkit: PublishedFile
    """Playbooks and roles, in a tar."""

    def to_dict(self) -> dict[str, object]:
        """Return what the manifest says of it."""
        return {"bootstrap": self.script.to_dict(), "toolkit": self.toolkit.to_dict()}

    @classmethod
    def from_fields(cls, fields: dict[str, Node]) -> "Bootstrap | None":
        """Return what the fields of a manifest say, None where they say nothing."""
        if "bootstrap" not in fields:
            return None
        script, toolkit = (PublishedFile.from_node(fields[key]) for key in _OF_BOOTSTRAP)
        return cls(script=script, toolkit=toolkit)


_OF_WHEELS = ("installer", "wheels_page", "wheels")
_OF_BOOTSTRAP = ("bootstrap", "toolkit")


def _all_or_none(fields: dict[str, Node], keys: tuple[str, ...], more: tuple[str, ...] = ()) -> bool:
    """Whether any of `keys` is there; raise ManifestError when then one of them, or of `more`, is not."""
    there = [key for key in keys if key in fields]
    if there and (missing := [key for key in (*keys, *more) if key not in fields]):
        raise fields[there[0]].error(f"it needs the key '{missing[0]}' beside it")
    return bool(there)


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
    wheelhouse: Wheelhouse | None = None
    """None where the version carries no wheels."""

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
                **(self.wheelhouse.to_dict() if self.wheelhouse else {}),
            }
        )

    @property
    def files(self) -> tuple[PublishedFile, ...]:
        """The files that lie under the version's own name, beside the manifest and its signature."""
        return (self.archive.file, self.requirements, *(self.wheelhouse.files if self.wheelhouse else ()))

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
            ["format", "name", "version", "created_by", "pipeline", "repos", "archive", "requirements"],
            optional=(*_OF_WHEELS, *_OF_BOOTSTRAP),
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
            wheelhouse=Wheelhouse.from_fields(fields),
        )
        for file, name in zip(manifest.files, _NAMES, strict=False):
            if file.name != name:
                raise node.error(f"{file.name!r} stands where {name!r} must")
        _require_blobs_of(repos, manifest.archive, fields["archive"])
        return manifest


_NAMES = (ARCHIVE_NAME, REQUIREMENTS_NAME, INSTALLER_NAME, WHEELS_PAGE_NAME, BOOTSTRAP_NAME, TOOLKIT_NAME)
"""Of `CacheManifest.files`."""


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


def _wheel(node: Node) -> PublishedFile:
    file = PublishedFile.from_node(node)
    node.fields(["name", "size", "digest"])["name"].matching(_WHEEL_NAME, "the file name of a wheel")
    return file


def read_version(text: str) -> str:
    """Return a version as the command line gives it; raise UsageError when it is none."""
    if not re.fullmatch(VERSION, text):
        hint = "begin with a digit; then digits, small letters, . and -, as in 1.0"
        raise UsageError(f"{text!r} is no version", hint=hint)
    return text
