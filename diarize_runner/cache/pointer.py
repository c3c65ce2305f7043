"""The pointer: which version is the latest. `latest/manifest.json` holds it."""

from dataclasses import dataclass

from diarize_runner.cache import documents
from diarize_runner.cache.manifest import VERSION, PublishedFile


@dataclass(frozen=True, kw_only=True, slots=True)
class Pointer:
    """Names one version, and rises with every change."""

    serial: int
    version: str
    manifest: PublishedFile

    def to_bytes(self) -> bytes:
        """Return the pointer as the store holds it."""
        return documents.serialise(
            {
                "format": "diarize-runner/pointer/1",
                "serial": self.serial,
                "version": self.version,
                "manifest": self.manifest.to_dict(),
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes, document: str) -> "Pointer":
        """Raise ManifestError, naming `document` and the place, when anything is missing, unknown or wrong."""
        node = documents.parse(data, document)
        node.require_format("pointer")
        fields = node.fields(["format", "serial", "version", "manifest"])
        return cls(
            serial=fields["serial"].count(),
            version=fields["version"].matching(VERSION, "a version such as '1.0'"),
            manifest=PublishedFile.from_node(fields["manifest"]),
        )
