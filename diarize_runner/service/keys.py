"""The API keys of the service: a file with a name and a digest for each key.

    {"keys": [{"name": "alice", "sha256": "<64 hexadecimal digits>", "created": "2026-11-30T02:00:00+00:00"}]}

`diarize-runner service-key` changes it. The running service reads it again when it changes, so that a revoked key is
refused without a restart.
"""

import hashlib
import hmac
import json
import logging
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from diarize_runner.cache.documents.canonical import parse
from diarize_runner.cache.documents.fields import Node
from diarize_runner.disk import disk_errors, lock_folder, write_atomically
from diarize_runner.errors import DiarizeRunnerError, UsageError
from diarize_runner.service.guarded_file import OTHERS_WRITE, GuardedFile

PREFIX: Final = "dr_"
"""Every key begins with it, so that scanners recognise a key in a public place."""
_RANDOM_BYTES = 32
_NAME = r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}"
_NAME_DESCRIPTION = "a name: 1 to 64 letters, digits, dots, hyphens, underscores or @, the first a letter or digit"
_DIGEST = r"[0-9a-f]{64}"
_FILE = GuardedFile(
    content="API keys",
    kind="keys",
    missing_hint="make it: diarize-runner service-key add NAME --keys FILE; its reader must be the user of the service",
    owner_threat="add a key",
    refused_mode=OTHERS_WRITE,
    mode_error="{path} is writable by other users, who could add a key",
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """An API key, without the key itself."""

    name: str
    """Its owner, who owns the jobs that it submits."""
    sha256: str = field(repr=False)
    """Of the key, in hexadecimal digits."""
    created: str
    """ISO 8601, UTC."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Keys:
    """The keys of a file."""

    keys: tuple[Key, ...] = ()

    def find(self, token: str) -> str | None:
        """Return the name of the key `token`; None if there is no such key.

        It compares all keys in full, so that the time tells nothing about them.
        """
        digest, found = digest_of(token), None
        for key in self.keys:
            if hmac.compare_digest(key.sha256, digest):
                found = key.name
        return found

    def names(self) -> tuple[str, ...]:
        """Return the names, in the order of the file."""
        return tuple(key.name for key in self.keys)


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyFile:
    """A file of keys, and what it holds."""

    path: Path
    keys: Keys = Keys()

    @classmethod
    def load(cls, path: Path) -> "KeyFile":
        """Read a file.

        Raises:
            UsageError: it cannot be read, or other users can change it.
            ManifestError: it is malformed, or has a name or a digest twice.
        """
        data = _FILE.read(path)
        return cls(path=path, keys=_parse(parse(data, str(path))))

    def add(self, name: str) -> "tuple[KeyFile, str]":
        """Return the file with a new key, and the key, which is stored nowhere. Raises UsageError on a bad name."""
        if not re.fullmatch(_NAME, name):
            raise UsageError(f"{name!r} is not {_NAME_DESCRIPTION}", hint="choose another name, such as alice")
        if name in self.keys.names():
            hint = f"choose another name, or revoke it first: diarize-runner service-key revoke {name}"
            raise UsageError(f"{self.path} has a key named {name}", hint=hint)
        token = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
        created = datetime.now(timezone.utc).isoformat(timespec="seconds")
        key = Key(name=name, sha256=digest_of(token), created=created)
        return replace(self, keys=Keys(keys=(*self.keys.keys, key))), token

    def revoke(self, name: str) -> "KeyFile":
        """Return the file without the key. Raises UsageError if there is none of this name."""
        rest = tuple(key for key in self.keys.keys if key.name != name)
        if len(rest) == len(self.keys.keys):
            hint = f"its keys: {', '.join(self.keys.names()) or 'none'}"
            raise UsageError(f"{self.path} has no key named {name}", hint=hint)
        return replace(self, keys=Keys(keys=rest))

    def write(self) -> None:
        """Write the file atomically; a new one is readable by its owner only. Raises DiskError.

        An existing file keeps its owner and its permissions: root adds a key, and the group of the service reads it.
        """
        document = {"keys": [asdict(key) for key in self.keys.keys]}
        with disk_errors(self.path), _private_umask():
            former = self.path.stat() if self.path.exists() else None
            write_atomically(self.path, json.dumps(document, indent=2).encode() + b"\n")
            if former:
                _restore_access(self.path, former)


@dataclass(kw_only=True, slots=True)
class WatchedKeys:
    """The keys of a file that may change while the service runs."""

    path: Path
    _keys: Keys = field(init=False)
    _version: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Read the file. Raises as `KeyFile.load` does."""
        self._version = _version(self.path)
        self._keys = KeyFile.load(self.path).keys

    def current(self) -> Keys:
        """Return the keys, read again if the file has changed; the former ones if it has become invalid."""
        version = _version(self.path)
        if version != self._version:
            self._version = version
            try:
                self._keys = KeyFile.load(self.path).keys
            except DiarizeRunnerError as error:
                _log.error("the former API keys stay valid: %s; %s", error.message, error.hint)
        return self._keys


def digest_of(token: str) -> str:
    """Return the SHA-256 of a key in hexadecimal digits.

    A plain hash suffices: a key has 256 random bits, which no attacker can guess, however fast the hash is. Slow hashes
    with salts protect passwords, which people choose:
    https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
    """
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def add_key(path: Path, name: str) -> str:
    """Add a key to the file, which need not exist; return the key. Raises as `change` and `KeyFile.add` do."""
    tokens: list[str] = []

    def add(file: KeyFile) -> KeyFile:
        changed, token = file.add(name)
        tokens.append(token)
        return changed

    _change(path, add)
    return tokens[0]


def revoke_key(path: Path, name: str) -> None:
    """Remove a key from the file. Raises as `KeyFile.load` and `KeyFile.revoke` do, and DiskError."""
    _change(path, lambda file: file.revoke(name))


def _change(path: Path, change: Callable[[KeyFile], KeyFile]) -> None:
    """Write what `change` makes of the file; one at a time, so that no change is lost."""
    with disk_errors(path):
        descriptor = lock_folder(path.absolute().parent)
    try:
        change(KeyFile.load(path) if os.path.lexists(path) else KeyFile(path=path)).write()
    finally:
        os.close(descriptor)


def _parse(node: Node) -> Keys:
    keys = tuple(_parse_key(each) for each in node.fields(["keys"])["keys"].items())
    for what, values in (("name", [key.name for key in keys]), ("digest", [key.sha256 for key in keys])):
        if len(set(values)) < len(values):
            raise node.error(f"two keys have the same {what}", hint="remove one of them")
    return Keys(keys=keys)


def _parse_key(node: Node) -> Key:
    fields = node.fields(["name", "sha256", "created"])
    name, digest = fields["name"].matching(_NAME, _NAME_DESCRIPTION), fields["sha256"]
    if not re.fullmatch(_DIGEST, digest.text()):  # the message must not quote it: it may be the key itself
        hint = "make keys with: diarize-runner service-key add NAME --keys FILE"
        raise digest.error("not a SHA-256 in 64 lower-case hexadecimal digits", hint=hint)
    return Key(name=name, sha256=digest.text(), created=fields["created"].text())


def _restore_access(path: Path, former: os.stat_result) -> None:
    """Give the file the owner and the permissions that it had; the owner first, as a change of it can remove some."""
    if (former.st_uid, former.st_gid) != (os.geteuid(), os.getegid()):
        os.chown(path, former.st_uid, former.st_gid)
    path.chmod(stat.S_IMODE(former.st_mode))


def _version(path: Path) -> tuple[int, ...]:
    """Return numbers that change with the file, its owner and its permissions; none if there is no file."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


@contextmanager
def _private_umask() -> Iterator[None]:
    former = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(former)
