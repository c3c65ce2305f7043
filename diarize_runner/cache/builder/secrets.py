"""The secret gate: nothing that looks like a token, or like what huggingface_hub keeps beside one, enters an archive.

A cache packed with its HF_HOME carries `token` and `stored_tokens`; a README may quote its author's. A version
is published once and read by many, so a token is looked for in every byte before one of them is written.
https://huggingface.co/docs/hub/security-tokens
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from diarize_runner.digests import pieces
from diarize_runner.errors import SecretFound

_SHORTEST = 30
_PREFIXES = (b"hf_", b"api_org_")
_TOKEN = re.compile(rb"(?:%s)[A-Za-z0-9]{%d,}" % (b"|".join(_PREFIXES), _SHORTEST))
_USER_IN_URL = re.compile(r"(?<=://)[^\s'\"/@]+@")
_QUERY_OF_URL = re.compile(r"(?<=://)([^\s'\"?]*)\?[^\s'\"]*")
_OVERLAP = max(map(len, _PREFIXES)) + _SHORTEST - 1
_NAMES = frozenset({"token", "stored_tokens"})
_SUFFIXES = (".lock", ".incomplete")


def require_no_secret_name(path: str, described: str) -> None:
    """Raise SecretFound when a file is called like a token, or like what a download leaves behind.

    `described` is what the error calls the file.
    """
    name = PurePosixPath(path).name.casefold()
    if name in _NAMES or name.endswith(_SUFFIXES):
        hint = "leave it out of the request: tokens, locks and partial downloads have no place in a cache"
        raise SecretFound(f"{redacted(described)} is called like a token, a lock or a partial download", hint=hint)
    if _holds_token(path.encode()):
        raise SecretFound(f"{redacted(described)} has a token in its name", hint="revoke it, and leave the file out")


def without_secrets(pieces: Iterable[bytes], described: str) -> Iterator[bytes]:
    """Yield `pieces` of a file as they are; raise SecretFound before the piece in which a token ends.

    A token that lies across a border is found too. The error names the file and never the token.
    """
    before = b""
    for piece in pieces:
        seen = before + piece
        if _holds_token(seen):
            hint = "revoke it: https://huggingface.co/settings/tokens, then take it out or leave the file out"
            raise SecretFound(f"{redacted(described)} holds what looks like a Hugging Face token", hint=hint)
        before = seen[-_OVERLAP:]
        yield piece


def require_no_secret(path: Path, described: str) -> None:
    """Read a file through; raise SecretFound when it holds what looks like a token."""
    with path.open("rb") as file:
        for _ in without_secrets(pieces(file), described):
            pass


def redacted(text: str) -> str:
    """Return `text` with every token made unreadable, and of every URL the user, the password and the query.

    A password may be in a mirror's address, and a query may be a signature that opens a file to everybody.
    """
    without_tokens = _TOKEN.sub(b"hf_***", text.encode(errors="replace")).decode()
    return _QUERY_OF_URL.sub(r"\1?***", _USER_IN_URL.sub("***@", without_tokens))


def _holds_token(data: bytes) -> bool:
    """Look for the prefixes first: that is several times as fast, and most data has none."""
    return any(prefix in data for prefix in _PREFIXES) and _TOKEN.search(data) is not None
