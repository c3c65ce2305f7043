"""The JSON documents' one serialisation, and the way back."""

import json

import yaml

from diarize_runner.cache.documents.fields import Node
from diarize_runner.errors import ManifestError

YAML_FAULTS = (
    yaml.YAMLError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What PyYAML raises at a file of somebody's; not YAMLError where a tag is wrong, as in `!!bool maybe`."""


def serialise(document: dict[str, object]) -> bytes:
    """Return the one byte string that `document` is written as."""
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def parse(data: bytes, document: str) -> Node:
    """Parse what `serialise` wrote; raise ManifestError when it is not JSON. `document` is its name in errors."""
    try:
        return Node(value=json.loads(data, object_pairs_hook=_without_repeats), document=document)
    except (ValueError, RecursionError) as reason:
        raise ManifestError(
            f"{document}: not a JSON document: {reason}", hint="was it cut short on the way?"
        ) from reason


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Two readers may pick different ones of a repeated key, so a document must not have any."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found
