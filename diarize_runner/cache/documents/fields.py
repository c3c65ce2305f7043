"""Check a parsed document field by field; errors name the location, as in `repos[0].files[3].size`.

The design follows `packaging.pylock`: each value knows its location, so the parser of a record is a table of fields.
"""

import re
import sys
from collections.abc import Collection
from dataclasses import dataclass

from diarize_runner.digests import Digest
from diarize_runner.errors import ManifestError, UnsupportedFormat

_PART = r"(?!\.{1,2}(?:/|$))[^/\\\x00-\x1f\x7f]+"
_PATH = re.compile(rf"{_PART}(?:/{_PART})*")
_MAX_PATH_BYTES, _MAX_PART_BYTES = 1024, 255
"""Linux limits a path component to 255 bytes, and a path to 4,096, which leaves room for the box's own folders."""
_MAX_COUNT = (1 << 63) - 1
"""The largest file size that Linux supports, in bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A value of a parsed document, and its location."""

    value: object
    document: str
    """The document's name in errors, such as `cache_manifests/embedded.yaml`."""
    location: str = ""
    """Such as `repos[0].files[3].size`; empty for the whole document."""

    def error(self, problem: str, *, hint: str = "") -> ManifestError:
        """Return an error that states the document, `problem` and the location."""
        where = f" in '{self.location}'" if self.location else ""
        return ManifestError(f"{self.document}: {problem}{where}", hint=hint)

    def fields(self, required: Collection[str], *, optional: Collection[str] = ()) -> dict[str, "Node"]:
        """Return the fields of an object; raise ManifestError on a missing or an unknown key."""
        entries = self.entries()
        if missing := [key for key in required if key not in entries]:
            raise self.error(f"missing key '{missing[0]}'")
        if unknown := [key for key in entries if key not in required and key not in optional]:
            known = ", ".join([*required, *optional])
            raise self.error(f"unknown key '{unknown[0]}'", hint=f"the keys here are: {known}")
        return entries

    def entries(self) -> dict[str, "Node"]:
        """Return the values of an object by key; any key is allowed."""
        if not isinstance(self.value, dict):
            raise self._type_error("an object")
        if odd := [key for key in self.value if not isinstance(key, str)]:
            raise self.error(f"the key {_format_value(odd[0])} is not a string", hint="quote it")
        dot = "." if self.location else ""
        return {key: self._child(value, f"{dot}{key}") for key, value in self.value.items()}

    def items(self) -> tuple["Node", ...]:
        """Return the values of a list."""
        if not isinstance(self.value, list):
            raise self._type_error("a list")
        return tuple(self._child(value, f"[{index}]") for index, value in enumerate(self.value))

    def text(self) -> str:
        """Return a non-empty string."""
        if not isinstance(self.value, str) or not self.value:
            raise self._type_error("a string")
        try:
            self.value.encode()
        except UnicodeEncodeError:
            raise self.error(f"not Unicode text: {self.value!r}") from None
        return self.value

    def matching(self, pattern: str, description: str) -> str:
        """Return a string that `pattern` matches in full; errors call it `description`."""
        text = self.text()
        if not re.fullmatch(pattern, text):
            raise self.error(f"{text!r} is not {description}")
        return text

    def count(self) -> int:
        """Return a whole number >= 0."""
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            raise self._type_error("a whole number")
        if not 0 <= self.value <= _MAX_COUNT:
            raise self.error(f"{_format_value(self.value)} is out of range")
        return self.value

    def number(self) -> float:
        """Return a finite number >= 0."""
        if not isinstance(self.value, int | float) or isinstance(self.value, bool):
            raise self._type_error("a number")
        if not 0 <= self.value <= sys.float_info.max:  # a larger int overflows float()
            raise self.error(f"{_format_value(self.value)} is out of range")
        return float(self.value)

    def flag(self) -> bool:
        """Return true or false."""
        if not isinstance(self.value, bool):
            raise self._type_error("true or false")
        return self.value

    def digest(self) -> Digest:
        """Return a digest written `sha256:...`."""
        try:
            return Digest.parse(self.text())
        except ValueError as reason:
            raise self.error(str(reason)) from reason

    def path(self) -> str:
        """Return a relative path that stays inside its root."""
        text = self.text()
        if not _PATH.fullmatch(text):
            raise self.error(f"not a plain relative path: {text!r}")
        if len(text.encode()) > _MAX_PATH_BYTES or any(
            len(part.encode()) > _MAX_PART_BYTES for part in text.split("/")
        ):
            raise self.error(
                f"path longer than {_MAX_PATH_BYTES} bytes, or component longer than {_MAX_PART_BYTES} bytes"
            )
        return text

    def require_format(self, name: str, *majors: int) -> int:
        """Return the major version; raise UnsupportedFormat unless this is document `name` in one of `majors`.

        Call this before `fields`: each version has its own keys.
        """
        stated = self.entries().get("format")
        if stated is None:
            raise self.error("missing key 'format'")
        for major in majors:
            if stated.value == f"diarize-runner/{name}/{major}":
                return major
        expected = f"diarize-runner/{name}/{max(majors)}"
        message = stated.error(f"format {stated.value!r} is not {expected}").message
        raise UnsupportedFormat(message, hint="use the diarize-runner release that wrote it, or create it again")

    def _child(self, value: object, step: str) -> "Node":
        return Node(value=value, document=self.document, location=self.location + step)

    def _type_error(self, expected: str) -> ManifestError:
        return self.error(f"expected {expected}, not {type(self.value).__name__}")


def _format_value(value: object) -> str:
    try:
        return repr(value)
    except ValueError:  # YAML parses `0xfff...` of any length, but Python formats at most 4,300 digits
        return "a number with too many digits"


def require_unique_paths(paths: Collection[str], node: Node) -> None:
    """Raise ManifestError when two paths are equal but for case, or one is a parent of another."""
    seen: set[str] = set()
    for path in sorted(paths, key=str.casefold):
        folded = path.casefold()
        if folded in seen:
            raise node.error(f"two paths are equal when case is ignored: {path!r}")
        seen.add(folded)
    for path in seen:
        if any(parent in seen for parent in _parents(path)):
            raise node.error(f"a parent of {path!r} is a file")


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]
