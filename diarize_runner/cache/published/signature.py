"""Ed25519 signatures of manifests and pointers, by `cryptography`.

A manifest names the digest of everything in its version, so one signature over its bytes covers all of it. A pointer
names a manifest by its digest. Their formats differ, so a signature of one is none of the other.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.digests import content_of
from diarize_runner.disk import flush, flush_file
from diarize_runner.errors import DiskError, IntegrityError, UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_KEYGEN = "make a pair: diarize-runner cache keygen NAME"
_ASK = "ask who publishes for their key: NAME.pub of the pair that cache keygen made"
_BEGIN, _PRIVATE = b"-----BEGIN ", b" PRIVATE KEY-----"
_OTHERS = {
    b"BEGIN ENCRYPTED PRIVATE KEY": "a private key with a password",
    b"BEGIN OPENSSH PRIVATE KEY": "a private key of ssh",
    b"BEGIN PRIVATE KEY": "a private key",
    b"BEGIN PUBLIC KEY": "a public key",
    b"BEGIN CERTIFICATE": "a certificate",
    b"ssh-": "a public key of ssh",
}
"""What people take for a key of ours, by what is in it."""


def write_keys(private: Path, public: Path) -> None:
    """Make a key pair: `private` readable by its owner alone. Both are PEM.

    Raises:
        UsageError: one of the files is there already: a key that signed something must not be lost.
        DiskError: a file cannot be written.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    pkcs8, spki = serialization.PrivateFormat.PKCS8, serialization.PublicFormat.SubjectPublicKeyInfo
    pem, unencrypted = serialization.Encoding.PEM, serialization.NoEncryption()
    for path in (private, public):
        if os.path.lexists(path):
            raise _is_there(path)
    for path, mode, data in (
        (private, 0o600, key.private_bytes(pem, pkcs8, unencrypted)),
        (public, 0o644, key.public_key().public_bytes(pem, spki)),
    ):
        _write_new(path, mode, data)


def read_private_key(private: Path) -> "Ed25519PrivateKey":
    """Return the key, whose `sign` makes the signature of a manifest's bytes.

    Raises:
        UsageError: the file is no Ed25519 private key, holds another beside it, or is not its owner's alone.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    data = _one_key(private)
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError) as reason:
        raise UsageError(f"{private} is no private key{_but(data)}", hint=_KEYGEN) from reason
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"{private} is not an Ed25519 key", hint=_KEYGEN)
    _require_own(private)
    return key


def has_signed(private: "Ed25519PrivateKey", data: bytes, signature: bytes) -> bool:
    """Whether the key made the signature of these bytes."""
    from cryptography.exceptions import InvalidSignature

    try:
        private.public_key().verify(signature, data)
    except InvalidSignature:
        return False
    return True


def require_signature(data: bytes, signature: bytes, public: Path, *, what: str = "the manifest") -> None:
    """Check the bytes of a manifest, or of what else an error calls `what`, before anything in them is believed.

    Raises:
        IntegrityError: they were not signed by the key.
        UsageError: `public` is no Ed25519 public key, or holds another key beside it.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    pem = _one_key(public)
    try:
        key = load_pem_public_key(pem)
    except ValueError as reason:
        hint = "keep it where versions are built, and give NAME.pub of that pair" if _PRIVATE in pem else _ASK
        raise UsageError(f"{public} is no public key{_but(pem)}", hint=hint) from reason
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(f"{public} is not an Ed25519 key", hint=_ASK)
    try:
        key.verify(signature, data)
    except InvalidSignature:
        digest = content_of(data).digest
        hint = "somebody else published it, or it was altered: do not use it before you know which"
        raise IntegrityError(f"{what} {digest} was not signed by the key in {public}", hint=hint) from None


def _one_key(path: Path) -> bytes:
    """Return what is in a file: of several keys the first would count, and boxes get a public one's whole file."""
    try:
        data = path.read_bytes()
    except OSError as reason:
        raise UsageError(f"cannot read {path}: {reason.strerror}", hint="check the path") from reason
    if data.count(_BEGIN) > 1:
        raise UsageError(f"{path} holds more than one key", hint="give a file that holds the one key alone")
    return data


def _but(data: bytes) -> str:
    """Return what a file holds instead of a key of ours, as the end of a sentence."""
    return next((f", but {said}" for begins, said in _OTHERS.items() if begins in data), "")


def _require_own(private: Path) -> None:
    """Refuse a key of ours that others can use, as ssh does: https://man.openbsd.org/ssh#FILES."""
    found = private.stat()
    if found.st_uid == os.getuid() and found.st_mode & 0o077:
        hint = f"if nobody has read it, chmod 600 {private}; otherwise {_KEYGEN}"
        raise UsageError(f"{private} can be read by others than its owner", hint=hint)


def _is_there(path: Path) -> UsageError:
    return UsageError(f"{path} is there already", hint="a key that signed something must not be lost")


def _write_new(path: Path, mode: int, data: bytes) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
            flush_file(file)
        flush(path.parent)
    except FileExistsError:
        raise _is_there(path) from None
    except OSError as reason:
        raise DiskError(f"{path}: {reason.strerror}", hint="choose a folder that can be written") from reason
