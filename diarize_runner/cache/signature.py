"""Ed25519 signatures of manifests and pointers, by `cryptography`.

A manifest names the digest of everything in its version, so one signature over its bytes covers all of it. A pointer
names a manifest by its digest. Their formats differ, so a signature of one is none of the other.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.digests import content_of
from diarize_runner.errors import DiskError, IntegrityError, UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_KEYGEN = "make a pair: diarize-runner cache keygen NAME"
_ASK = "ask who publishes for their key: NAME.pub of the pair that cache keygen made"


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
    """Return the key, whose `sign` makes the signature of a manifest's bytes; raise UsageError when it is none."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(_pem(private), password=None)
    except (ValueError, TypeError) as reason:
        raise UsageError(f"{private} is no private key: {reason}", hint=_KEYGEN) from reason
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"{private} is not an Ed25519 key", hint=_KEYGEN)
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
        UsageError: `public` is no Ed25519 public key.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(_pem(public))
    except ValueError as reason:
        raise UsageError(f"{public} is no public key: {reason}", hint=_ASK) from reason
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(f"{public} is not an Ed25519 key", hint=_ASK)
    try:
        key.verify(signature, data)
    except InvalidSignature:
        digest = content_of(data).digest
        hint = "somebody else published it, or it was altered: do not use it before you know which"
        raise IntegrityError(f"{what} {digest} was not signed by the key in {public}", hint=hint) from None


def _pem(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as reason:
        raise UsageError(f"cannot read {path}: {reason.strerror}", hint="check the path") from reason


def _is_there(path: Path) -> UsageError:
    return UsageError(f"{path} is there already", hint="a key that signed something must not be lost")


def _write_new(path: Path, mode: int, data: bytes) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
    except FileExistsError:
        raise _is_there(path) from None
    except OSError as reason:
        raise DiskError(f"{path}: {reason.strerror}", hint="choose a folder that can be written") from reason
