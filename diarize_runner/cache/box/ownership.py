"""Refuse a cache that another user can change between verification and load.

A user who can write to the manifest, or to a folder above it, decides which classes a load instantiates. So these
must belong to root or to the loading user, and must not be writable by others. Blobs need no check:
`VerifiedCache.read` hashes what it returns.
"""

import os
import stat
import sys
from pathlib import Path

from diarize_runner.cache.documents.manifest import MANIFEST_NAME
from diarize_runner.disk import disk_errors
from diarize_runner.errors import UntrustedFolder


def require_trusted_folder(root: Path) -> None:
    """Refuse a cache that another user of this machine can change; `root` is the folder that holds `huggingface/`.

    Folders above the program are not checked: a user who can change them can change the program.

    Raises:
        UntrustedFolder: another user can change the cache.
        DiskError: a file or folder cannot be read.
    """
    with disk_errors(root):
        resolved, program = root.resolve(strict=True), _program_parents()
        trusted = {0, os.geteuid(), *(path.stat().st_uid for path in program)}
        for path in (resolved / MANIFEST_NAME, resolved, *resolved.parents):
            if path not in program and path.exists():
                _require_trusted(path, path.stat(), trusted)


def _program_parents() -> set[Path]:
    package = Path(__file__).resolve()
    return {*package.parents, *Path(sys.prefix, "bin").resolve().parents}


def _require_trusted(path: Path, status: os.stat_result, trusted: set[int]) -> None:
    if status.st_uid not in trusted:
        hint = f"restore the cache as root or as yourself, into a folder of your own; or: chown {os.geteuid()} {path}"
        raise UntrustedFolder(f"{path} belongs to user {status.st_uid}, who could change the models", hint=hint)
    # In a folder with the sticky bit, such as /tmp, only a file's owner can rename or remove it: chmod(2).
    if status.st_mode & stat.S_ISVTX and stat.S_ISDIR(status.st_mode):
        return
    # A user's private group has the same number as the user.
    by_group = status.st_mode & stat.S_IWGRP and status.st_gid not in trusted
    if status.st_mode & stat.S_IWOTH or by_group:
        raise UntrustedFolder(
            f"{path} is writable by other users, who could change the models", hint=f"run: chmod go-w {path}"
        )
