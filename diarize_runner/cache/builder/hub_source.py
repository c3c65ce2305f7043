"""The interface by which a build host lists and fetches the files of Hub repositories.

OnlineHub   the Hub itself: hub.py
HubCache    a Hub cache that is already on this machine: hub_cache.py
"""

import fnmatch
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from diarize_runner.digests import hash_file, iter_chunks

_SHA1, _SHA256 = re.compile("[0-9a-f]{40}"), re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class HubListing:
    """A repository at one commit."""

    commit_hash: str
    gated: str
    """`no`, `auto` or `manual`."""
    etags: dict[str, str]
    """Each file's etag, by path: the SHA-256 of a large file, else the SHA-1 of the git blob."""


class HubSource(Protocol):
    """Lists repositories, and fetches their files."""

    def list_repo(self, repo_id: str, revision: str, allow_patterns: tuple[str, ...]) -> HubListing:
        """List the files of a repository that match `allow_patterns`, or all files if it is empty.

        Raises:
            RevisionNotFound: the repository has no such branch, tag or commit.
            SourceError: there is no such repository, or it cannot be read.
        """

    def fetch(self, repo_id: str, commit_hash: str, path: str, etag: str) -> Path:
        """Return the local path of a file.

        Raises:
            SourceError: there is no such file, or it cannot be read.
            IntegrityError: the file does not match `etag`.
        """


def is_selected(path: str, allow_patterns: tuple[str, ...]) -> bool:
    """Whether one of `allow_patterns` matches `path`; without patterns, every path is selected."""
    return not allow_patterns or any(fnmatch.fnmatch(path, pattern) for pattern in allow_patterns)


def matches_etag(file: Path, etag: str) -> bool:
    """Whether `file` has the digest `etag`; an etag that is not a digest matches any file."""
    if _SHA256.fullmatch(etag):
        return hash_file(file).digest.hex == etag
    return not _SHA1.fullmatch(etag) or _git_blob(file) == etag


def _git_blob(path: Path) -> str:
    sha1 = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        for chunk in iter_chunks(file):
            sha1.update(chunk)
    return sha1.hexdigest()
