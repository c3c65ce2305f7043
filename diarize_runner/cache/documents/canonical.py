"""Serialise and parse the JSON documents. Each document has exactly one serialisation."""

import json

import yaml

from diarize_runner.cache.documents.fields import Node
from diarize_runner.errors import ManifestError

YAML_ERRORS = (
    yaml.YAMLError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What PyYAML raises on a malformed file. A wrong tag, as in `!!bool maybe`, does not raise YAMLError."""


def serialise(document: dict[str, object]) -> bytes:
    """Return the canonical bytes of `document`."""
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def parse(data: bytes, document: str) -> Node:
    """Parse a JSON document, which errors call `document`; raise ManifestError when `data` is not JSON."""
    try:
        return Node(value=json.loads(data, object_pairs_hook=_reject_duplicate_keys), document=document)
    except (ValueError, RecursionError) as reason:
        raise ManifestError(
            f"{document}: not a JSON document: {reason}", hint="check that the file is complete, and fetch it again"
        ) from reason


def _reject_duplicate_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return the object; raise ValueError on a repeated key, of which parsers pick different values."""
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise ValueError("an object has the same key twice")
    return mapping
