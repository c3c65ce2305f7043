"""The order of versions, as people mean it: 1.9 before 1.10, and 2.0-rc.1 before 2.0."""

import re
from collections.abc import Iterable

from packaging.version import InvalidVersion, Version

_Order = tuple[Version, list[tuple[int, str]], str]


def newest_first(versions: Iterable[str]) -> list[str]:
    """Return `versions` from the newest to the oldest."""
    return sorted(versions, key=_order, reverse=True)


def _order(version: str) -> _Order:
    """Order by PEP 440 as far as it knows a version, and what has more to it, as 2.0-hotfix, after what has not."""
    number = len(version) - len(version.lstrip("0123456789"))
    ends = [len(version), number, *(found.start() for found in re.finditer("[.-]", version))]
    known = max(end for end in ends if _is_known(version[:end]))
    parts = re.findall(r"\d+|[^\d]+", version[known:])
    return Version(version[:known]), [(int(part), "") if part.isdigit() else (-1, part) for part in parts], version


def _is_known(version: str) -> bool:
    try:
        Version(version)
    except InvalidVersion:
        return False
    return True
