"""Ed25519 signatures of manifests and pointers, with `cryptography`.

A manifest has the digests of all files of its version, so one signature over its bytes covers them. A pointer has the
digest of a manifest. Their formats differ, so a signature of one is not valid for the other.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.digests import hash_bytes
from diarize_runner.disk import flush, flush_file
from diarize_runner.errors import DiskError, IntegrityError, UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_KEYGEN = "make a key pair: diarize-runner cache keygen NAME"
_ASK_PUBLISHER = "ask the publisher for the public key: NAME.pub of the pair from cache keygen"
_BEGIN, _PRIVATE = b"-----BEGIN ", b" PRIVATE KEY-----"
_OTHER_KINDS = {
    b"BEGIN ENCRYPTED PRIVATE KEY": "a private key with a password",
    b"BEGIN OPENSSH PRIVATE KEY": "an SSH private key",
    b"BEGIN PRIVATE KEY": "a private key",
    b"BEGIN PUBLIC KEY": "a public key",
    b"BEGIN CERTIFICATE": "a certificate",
    b"ssh-": "an SSH public key",
}
"""Other kinds of files that users pass as a key, by a part of their content."""


def write_keys(private: Path, public: Path) -> None:
    """Write a new key pair as PEM; only its owner may read `private`.

    Raises:
        UsageError: one of the files exists; a key in use must not be overwritten.
        DiskError: a file cannot be written.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    pkcs8, spki = serialization.PrivateFormat.PKCS8, serialization.PublicFormat.SubjectPublicKeyInfo
    pem, unencrypted = serialization.Encoding.PEM, serialization.NoEncryption()
    for path in (private, public):
        if os.path.lexists(path):
            raise _already_exists(path)
    for path, mode, data in (
        (private, 0o600, key.private_bytes(pem, pkcs8, unencrypted)),
        (public, 0o644, key.public_key().public_bytes(pem, spki)),
    ):
        _write_new(path, mode, data)


def read_private_key(private: Path) -> "Ed25519PrivateKey":
    """Return the key, whose `sign` signs the bytes of a manifest or pointer.

    Raises:
        UsageError: the file is not an Ed25519 private key, contains several keys, or is readable by other users.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    data = _read_single_key(private)
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError) as reason:
        raise UsageError(f"{private} is not a private key{_name_other_kind(data)}", hint=_KEYGEN) from reason
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"{private} is not an Ed25519 key", hint=_KEYGEN)
    _require_private_permissions(private)
    return key


def is_signed_by(private: "Ed25519PrivateKey", data: bytes, signature: bytes) -> bool:
    """Whether `signature` is the key's signature of `data`."""
    from cryptography.exceptions import InvalidSignature

    try:
        private.public_key().verify(signature, data)
    except InvalidSignature:
        return False
    return True


def require_signature(data: bytes, signature: bytes, public: Path, *, what: str = "the manifest") -> None:
    """Verify the signature of `data`, which errors call `what`.

    Raises:
        IntegrityError: the key did not sign `data`.
        UsageError: `public` is not an Ed25519 public key, or contains several keys.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    pem = _read_single_key(public)
    try:
        key = load_pem_public_key(pem)
    except ValueError as reason:
        hint = "keep it on the build host, and pass NAME.pub of the pair" if _PRIVATE in pem else _ASK_PUBLISHER
        raise UsageError(f"{public} is not a public key{_name_other_kind(pem)}", hint=hint) from reason
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(f"{public} is not an Ed25519 key", hint=_ASK_PUBLISHER)
    try:
        key.verify(signature, data)
    except InvalidSignature:
        digest = hash_bytes(data).digest
        hint = "another publisher signed it, or it was changed: find out which before using it"
        raise IntegrityError(f"{what} {digest} is not signed with the key in {public}", hint=hint) from None


def _read_single_key(path: Path) -> bytes:
    """Return the file's bytes; refuse several keys, of which only the first would count."""
    try:
        data = path.read_bytes()
    except OSError as reason:
        raise UsageError(f"cannot read {path}: {reason.strerror}", hint="check the path") from reason
    if data.count(_BEGIN) > 1:
        raise UsageError(f"{path} holds more than one key", hint="pass a file that holds only one key")
    return data


def _name_other_kind(data: bytes) -> str:
    """Return the kind of file passed by mistake, to end an error message."""
    return next((f", but {kind}" for marker, kind in _OTHER_KINDS.items() if marker in data), "")


def _require_private_permissions(private: Path) -> None:
    """Refuse a private key that other users can read, as ssh does: https://man.openbsd.org/ssh#FILES."""
    status = private.stat()
    if status.st_uid == os.getuid() and status.st_mode & 0o077:
        hint = f"if nobody has read it, chmod 600 {private}; otherwise {_KEYGEN}"
        raise UsageError(f"{private} can be read by other users", hint=hint)


def _already_exists(path: Path) -> UsageError:
    return UsageError(f"{path} already exists", hint="choose another name: a key in use must not be overwritten")


def _write_new(path: Path, mode: int, data: bytes) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
            flush_file(file)
        flush(path.parent)
    except FileExistsError:
        raise _already_exists(path) from None
    except OSError as reason:
        raise DiskError(f"{path}: {reason.strerror}", hint="choose a writable folder") from reason
