"""The pointer: which version is the latest. `latest/manifest.json` holds it."""

from dataclasses import dataclass

from diarize_runner.cache import documents
from diarize_runner.cache.fields import Node
from diarize_runner.cache.manifest import VERSION, PublishedFile


@dataclass(frozen=True, kw_only=True, slots=True)
class Pointer:
    """Names one version, and rises with every change."""

    serial: int
    version: str
    previous: str | None
    """The version that was the latest before: what a rollback goes back to."""
    manifest: PublishedFile

    def to_bytes(self) -> bytes:
        """Return the pointer as the store holds it."""
        return documents.serialise(
            {
                "format": "diarize-runner/pointer/1",
                "serial": self.serial,
                "version": self.version,
                "previous": self.previous,
                "manifest": self.manifest.to_dict(),
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes, document: str) -> "Pointer":
        """Raise ManifestError, naming `document` and the place, when anything is missing, unknown or wrong."""
        node = documents.parse(data, document)
        node.require_format("pointer")
        fields = node.fields(["format", "serial", "version", "previous", "manifest"])
        return cls(
            serial=fields["serial"].count(),
            version=_version(fields["version"]),
            previous=_version(fields["previous"]) if fields["previous"].value is not None else None,
            manifest=PublishedFile.from_node(fields["manifest"]),
        )


def _version(node: Node) -> str:
    return node.matching(VERSION, "a version such as '1.0'")
