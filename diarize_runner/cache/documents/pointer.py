"""The pointer to the latest version, stored as `latest/manifest.json`."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from diarize_runner.cache.documents import canonical
from diarize_runner.cache.documents.fields import Node
from diarize_runner.cache.documents.manifest import VERSION
from diarize_runner.cache.documents.wheelhouse import PublishedFile

MAX_SERIAL = (1 << 53) - 1
"""The largest integer that every JSON parser reads exactly (RFC 8259, section 6)."""
MAX_SERIAL_STEP = 1_000_000
"""A box refuses a serial that exceeds its last one by more: no owner publishes that often."""
_SIGNATURE = r"[0-9a-f]{128}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pointer:
    """The latest version, with a serial that increases with every change."""

    serial: int
    version: str
    previous: str | None
    """The latest version before this one, to which a rollback returns."""
    manifest: PublishedFile
    signature: str = ""
    """Ed25519, 128 hexadecimal digits; empty when unsigned."""

    def signed_bytes(self) -> bytes:
        """Return the bytes to sign: the document without `signature`."""
        return canonical.serialise(self._unsigned())

    def signed(self, sign: Callable[[bytes], bytes]) -> "Pointer":
        """Return a signed copy."""
        return replace(self, signature=sign(self.signed_bytes()).hex())

    def to_bytes(self) -> bytes:
        """Return the bytes of the pointer's file."""
        return canonical.serialise({**self._unsigned(), **({"signature": self.signature} if self.signature else {})})

    def _unsigned(self) -> dict[str, object]:
        return {
            "format": "diarize-runner/pointer/2",
            "serial": self.serial,
            "version": self.version,
            "previous": self.previous,
            "manifest": self.manifest.to_dict(),
        }

    @classmethod
    def from_bytes(cls, data: bytes, document: str) -> "Pointer":
        """Parse a pointer of format version 2, or 1, which has no signature.

        Raises:
            ManifestError: a field is missing, unknown or wrong; the message names `document` and the location.
        """
        node = canonical.parse(data, document)
        optional = ["signature"] if node.require_format("pointer", 2, 1) > 1 else []
        fields = node.fields(["format", "serial", "version", "previous", "manifest"], optional=optional)
        if (serial := fields["serial"].count()) > MAX_SERIAL:
            raise fields["serial"].error(f"{serial} is out of range")
        return cls(
            serial=serial,
            version=_version(fields["version"]),
            previous=_version(fields["previous"]) if fields["previous"].value is not None else None,
            manifest=PublishedFile.from_node(fields["manifest"]),
            signature=_signature(fields["signature"]) if "signature" in fields else "",
        )


def _version(node: Node) -> str:
    return node.matching(VERSION, "a version such as '1.0'")


def _signature(node: Node) -> str:
    return node.matching(_SIGNATURE, "a signature of 128 hexadecimal digits")
