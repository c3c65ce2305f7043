"""Read a parsed document field by field, with errors that name the place.

The shape follows `packaging.pylock`: a value knows where it stands, so the reader of each record is a
table of fields, and a wrong one is reported as `... in 'repos[0].files[3].size'`.
"""

import re
import sys
from collections.abc import Collection
from dataclasses import dataclass

from diarize_runner.digests import Digest
from diarize_runner.errors import ManifestError, UnsupportedFormat

_PART = r"(?!\.{1,2}(?:/|$))[^/\\\x00-\x1f\x7f]+"
_PATH = re.compile(rf"{_PART}(?:/{_PART})*")
_LONGEST_PATH, _LONGEST_PART = 1024, 255
"""Bytes. Linux takes no longer part, and four times as long a path, in which the box's own folders have to fit."""
_LARGEST_COUNT = (1 << 63) - 1
"""Beyond it no file system counts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A value of a parsed document, and its place in it."""

    value: object
    document: str
    """What the reader calls the document, such as `cache_manifests/embedded.yaml`."""
    place: str = ""
    """Such as `repos[0].files[3].size`; empty for the whole."""

    def error(self, problem: str, *, hint: str = "") -> ManifestError:
        """Return what to raise when this value is wrong: `problem`, the document and the place."""
        where = f" in '{self.place}'" if self.place else ""
        return ManifestError(f"{self.document}: {problem}{where}", hint=hint)

    def fields(self, required: Collection[str], *, optional: Collection[str] = ()) -> dict[str, "Node"]:
        """Return the fields of an object that has every key of `required` and none beyond `optional`."""
        entries = self.entries()
        if missing := [key for key in required if key not in entries]:
            raise self.error(f"missing key '{missing[0]}'")
        if unknown := [key for key in entries if key not in required and key not in optional]:
            known = ", ".join([*required, *optional])
            raise self.error(f"unknown key '{unknown[0]}'", hint=f"the keys here are: {known}")
        return entries

    def entries(self) -> dict[str, "Node"]:
        """Return the values of an object with free keys."""
        if not isinstance(self.value, dict):
            raise self._unexpected("an object")
        if odd := [key for key in self.value if not isinstance(key, str)]:
            raise self.error(f"the key {_shown(odd[0])} is no text", hint="put it in quotes")
        dot = "." if self.place else ""
        return {key: self._child(value, f"{dot}{key}") for key, value in self.value.items()}

    def items(self) -> tuple["Node", ...]:
        """Return the values of a list."""
        if not isinstance(self.value, list):
            raise self._unexpected("a list")
        return tuple(self._child(value, f"[{index}]") for index, value in enumerate(self.value))

    def text(self) -> str:
        """Return a string that is not empty."""
        if not isinstance(self.value, str) or not self.value:
            raise self._unexpected("a string")
        try:
            self.value.encode()
        except UnicodeEncodeError:
            raise self.error(f"not Unicode text: {self.value!r}") from None
        return self.value

    def matching(self, pattern: str, description: str) -> str:
        """Return a string that `pattern` matches whole."""
        text = self.text()
        if not re.fullmatch(pattern, text):
            raise self.error(f"{text!r} is not {description}")
        return text

    def count(self) -> int:
        """Return a whole number, 0 or more."""
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            raise self._unexpected("a whole number")
        if not 0 <= self.value <= _LARGEST_COUNT:
            raise self.error(f"{_shown(self.value)} is out of range")
        return self.value

    def number(self) -> float:
        """Return a finite number, 0 or more."""
        if not isinstance(self.value, int | float) or isinstance(self.value, bool):
            raise self._unexpected("a number")
        if not 0 <= self.value <= sys.float_info.max:  # a whole number can be too large to become a float
            raise self.error(f"{_shown(self.value)} is out of range")
        return float(self.value)

    def flag(self) -> bool:
        """Return true or false."""
        if not isinstance(self.value, bool):
            raise self._unexpected("true or false")
        return self.value

    def digest(self) -> Digest:
        """Return a digest written `sha256:...`."""
        try:
            return Digest.parse(self.text())
        except ValueError as reason:
            raise self.error(str(reason)) from reason

    def path(self) -> str:
        """Return a relative path that leads nowhere outside its root."""
        text = self.text()
        if not _PATH.fullmatch(text):
            raise self.error(f"not a plain relative path: {text!r}")
        if len(text.encode()) > _LONGEST_PATH or any(len(part.encode()) > _LONGEST_PART for part in text.split("/")):
            raise self.error(f"a path longer than {_LONGEST_PATH} bytes, or with a part longer than {_LONGEST_PART}")
        return text

    def require_format(self, name: str, *majors: int) -> int:
        """Return the major version; raise UnsupportedFormat when this is another document, or none of `majors`.

        Ask this before `fields`: another version has other keys.
        """
        stated = self.entries().get("format")
        if stated is None:
            raise self.error("missing key 'format'")
        for major in majors:
            if stated.value == f"diarize-runner/{name}/{major}":
                return major
        wanted = f"diarize-runner/{name}/{max(majors)}"
        message = stated.error(f"format {stated.value!r} is not {wanted}").message
        raise UnsupportedFormat(message, hint="use the diarize-runner release that wrote it, or write it anew")

    def _child(self, value: object, step: str) -> "Node":
        return Node(value=value, document=self.document, place=self.place + step)

    def _unexpected(self, expected: str) -> ManifestError:
        return self.error(f"expected {expected}, not {type(self.value).__name__}")


def _shown(value: object) -> str:
    try:
        return repr(value)
    except ValueError:  # YAML can say `0xfff...` of any length, and Python writes no more than 4,300 digits of a number
        return "a number of too many digits"


def require_distinct(paths: Collection[str], node: Node) -> None:
    """Refuse paths that one file system might hold as one: equal but for case, or a file and its own folder."""
    seen: set[str] = set()
    for path in sorted(paths, key=str.casefold):
        folded = path.casefold()
        if folded in seen:
            raise node.error(f"two paths are one where case is ignored: {path!r}")
        seen.add(folded)
    for path in seen:
        if any(parent in seen for parent in _parents(path)):
            raise node.error(f"{path!r} lies inside a path that is a file")


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]
