"""The pointer: which version is the latest. `latest/manifest.json` holds it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from diarize_runner.cache.documents import canonical
from diarize_runner.cache.documents.fields import Node
from diarize_runner.cache.documents.manifest import VERSION
from diarize_runner.cache.documents.wheelhouse import PublishedFile

LARGEST_SERIAL = (1 << 53) - 1
"""Beyond it, not every reader of JSON tells one number from the next (RFC 8259, section 6)."""
MOST_RISE = 1_000_000
"""How far beyond the last serial that a box followed it follows the next: an owner never publishes as often."""
_SIGNATURE = r"[0-9a-f]{128}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pointer:
    """Names one version, and rises with every change."""

    serial: int
    version: str
    previous: str | None
    """The version that was the latest before: what a rollback goes back to."""
    manifest: PublishedFile
    signature: str = ""
    """Ed25519, 128 hexadecimal digits; empty where nobody signed it."""

    def signed_bytes(self) -> bytes:
        """Return what a signature is of: the document without it."""
        return canonical.serialise(self._unsigned())

    def signed(self, sign: Callable[[bytes], bytes]) -> "Pointer":
        """Return the same pointer with a signature."""
        return replace(self, signature=sign(self.signed_bytes()).hex())

    def to_bytes(self) -> bytes:
        """Return the pointer as the store holds it."""
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
        """Read a pointer of version 2, or of version 1, which has no signature.

        Raises:
            ManifestError: anything is missing, unknown or wrong; the message names `document` and the place.
        """
        node = canonical.parse(data, document)
        optional = ["signature"] if node.require_format("pointer", 2, 1) > 1 else []
        fields = node.fields(["format", "serial", "version", "previous", "manifest"], optional=optional)
        if (serial := fields["serial"].count()) > LARGEST_SERIAL:
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
