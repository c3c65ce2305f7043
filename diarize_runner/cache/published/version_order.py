"""Sort versions: 1.9 before 1.10, and 2.0-rc.1 before 2.0."""

import re
from collections.abc import Iterable

from packaging.version import InvalidVersion, Version

_SortKey = tuple[Version, list[tuple[int, str]], str]


def sort_newest_first(versions: Iterable[str]) -> list[str]:
    """Return `versions`, newest first."""
    return sorted(versions, key=_sort_key, reverse=True)


def _sort_key(version: str) -> _SortKey:
    """Return a sort key: the longest PEP 440 prefix, then the rest, so that 2.0-hotfix comes after 2.0."""
    number = len(version) - len(version.lstrip("0123456789"))
    ends = [len(version), number, *(found.start() for found in re.finditer("[.-]", version))]
    known = max(end for end in ends if _is_pep440(version[:end]))
    parts = re.findall(r"\d+|[^\d]+", version[known:])
    return Version(version[:known]), [(int(part), "") if part.isdigit() else (-1, part) for part in parts], version


def _is_pep440(version: str) -> bool:
    try:
        Version(version)
    except InvalidVersion:
        return False
    return True
