"""Keep Hugging Face tokens, and the files that huggingface_hub stores them in, out of archives.

HF_HOME holds `token` and `stored_tokens`, and a README may quote its author's token. Many hosts read a published
version, so every byte is scanned before it is written. https://huggingface.co/docs/hub/security-tokens
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from diarize_runner.digests import iter_chunks
from diarize_runner.errors import SecretFound
from diarize_runner.redaction import TOKEN, TOKEN_LENGTH, TOKEN_PREFIXES, redact

_TOKEN = re.compile(TOKEN.encode())
_PREFIXES = tuple(prefix.encode() for prefix in TOKEN_PREFIXES)
_OVERLAP = max(map(len, _PREFIXES)) + TOKEN_LENGTH - 1
_NAMES = frozenset({"token", "stored_tokens"})
_SUFFIXES = (".lock", ".incomplete")


def require_no_secret_name(path: str, label: str) -> None:
    """Raise SecretFound if a file has the name of a token file, a lock or a partial download.

    `label` is the file's name in the error.
    """
    name = PurePosixPath(path).name.casefold()
    if name in _NAMES or name.endswith(_SUFFIXES):
        hint = "exclude it from the request: a cache holds no tokens, locks or partial downloads"
        raise SecretFound(f"{redact(label)} has the name of a token, a lock or a partial download", hint=hint)
    if _holds_token(path.encode()):
        raise SecretFound(f"{redact(label)} has a token in its name", hint="revoke it, and exclude the file")


def reject_secrets(chunks: Iterable[bytes], label: str) -> Iterator[bytes]:
    """Yield `chunks` of a file unchanged; raise SecretFound before the chunk in which a token ends.

    A token split across chunks is found too. The error names the file, never the token.
    """
    tail = b""
    for chunk in chunks:
        window = tail + chunk
        if _holds_token(window):
            hint = "revoke it: https://huggingface.co/settings/tokens, then remove it or exclude the file"
            raise SecretFound(f"{redact(label)} holds what looks like a Hugging Face token", hint=hint)
        tail = window[-_OVERLAP:]
        yield chunk


def require_no_secret(path: Path, label: str) -> None:
    """Read the whole file; raise SecretFound if it holds what looks like a token."""
    with path.open("rb") as file:
        for _ in reject_secrets(iter_chunks(file), label):
            pass


def _holds_token(data: bytes) -> bool:
    """Look for the prefixes first: this is several times as fast, and most data has none."""
    return any(prefix in data for prefix in _PREFIXES) and _TOKEN.search(data) is not None
