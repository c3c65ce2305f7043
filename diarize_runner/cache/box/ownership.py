"""Who can change a cache between the moment it is verified and the moment it is loaded, and put another in its place.

Whoever can write to the manifest, or to a folder above it, decides which classes a load makes objects of. So these
must belong to root or to the user who loads, and nobody else may write to them. Blobs are not looked at:
`VerifiedCache.read` hashes what it returns.
"""

import os
import stat
import sys
from pathlib import Path

from diarize_runner.cache.documents.manifest import MANIFEST_NAME
from diarize_runner.disk import disk_errors
from diarize_runner.errors import UntrustedFolder


def require_unchangeable(root: Path) -> None:
    """Refuse a cache that another user of this machine could change; `root` is the folder that holds `huggingface/`.

    A folder that the program lies in too is taken as it is: who can change that can change the program.

    Raises:
        UntrustedFolder: somebody else could.
        DiskError: something may not be read.
    """
    with disk_errors(root):
        resolved, program = root.resolve(strict=True), _above_the_program()
        trusted = {0, os.geteuid(), *(path.stat().st_uid for path in program)}
        for path in (resolved / MANIFEST_NAME, resolved, *resolved.parents):
            if path not in program and path.exists():
                _require(path, path.stat(), trusted)


def _above_the_program() -> set[Path]:
    package = Path(__file__).resolve()
    return {*package.parents, *Path(sys.prefix, "bin").resolve().parents}


def _require(path: Path, found: os.stat_result, trusted: set[int]) -> None:
    if found.st_uid not in trusted:
        hint = f"restore the cache as root or as yourself, into a folder of your own; or: chown {os.geteuid()} {path}"
        raise UntrustedFolder(f"{path} belongs to user {found.st_uid}, who could change the models", hint=hint)
    # In a folder like /tmp only its owner can rename or remove what lies there: chmod(2) on the sticky bit.
    if found.st_mode & stat.S_ISVTX and stat.S_ISDIR(found.st_mode):
        return
    # A user's own group has the number of the user, where each has one.
    by_group = found.st_mode & stat.S_IWGRP and found.st_gid not in trusted
    if found.st_mode & stat.S_IWOTH or by_group:
        raise UntrustedFolder(
            f"{path} can be written by others, who could change the models", hint=f"chmod go-w {path}, and verify again"
        )
