"""A store by its address, as the command line gives it. What speaks to a network is imported when it is asked for."""

import re
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from diarize_runner.errors import UsageError
from diarize_runner.store.local import LocalStore
from diarize_runner.store.protocol import ArchiveStore, WritableArchiveStore
from diarize_runner.store.remote import Patience

_WEB = ("https", "http")
_PATIENCE = Patience()
_BEFORE_HOST = re.compile(r"^(\w+://)?.*@")
"""A user and a password, also where the rest is no address."""
ADDRESSES = "file:///folder, s3://bucket/prefix or https://host/prefix"


def open_store(url: str, patience: Patience = _PATIENCE) -> ArchiveStore:
    """Return the store at `url`, to be read; raise UsageError when it is no store's address."""
    if parse_address(url).scheme not in _WEB:
        return open_writable_store(url, patience)
    from diarize_runner.store.http import HttpStore

    return HttpStore(url, patience)


def open_writable_store(url: str, patience: Patience = _PATIENCE) -> WritableArchiveStore:
    """Return the store at `url`, to be written; raise UsageError when it is no store's address, or a web server's."""
    parts = parse_address(url)
    if parts.scheme == "file":
        return LocalStore(Path(unquote(parts.path)))
    if parts.scheme != "s3":
        hint = "publish to file:///folder or s3://bucket/prefix, and let a web server serve that"
        raise UsageError(f"{url} can be restored from, and not published to", hint=hint)
    from diarize_runner.store.s3.store import S3Store

    return S3Store.at(url, patience)


def open_listable_store(url: str) -> WritableArchiveStore:
    """Return the store at `url`, whose objects can be listed; raise UsageError when it is none, or a web server's."""
    if parse_address(url).scheme in _WEB:
        hint = "name the folder or the bucket that it serves: file:///folder or s3://bucket/prefix"
        raise UsageError(f"{url} cannot be listed: what a web server has is read by name", hint=hint)
    return open_writable_store(url)


def open_store_without_conditional_writes(url: str) -> WritableArchiveStore:
    """Return the bucket at `url`, to be written by one at a time; raise UsageError when it is no bucket's address."""
    if parse_address(url).scheme != "s3":
        raise UsageError(f"{url} is no bucket", hint="--without-conditional-writes is for s3://bucket/prefix")
    from diarize_runner.store.s3.store import UnconditionalS3Store

    return UnconditionalS3Store.at(url, _PATIENCE)


def parse_address(url: str) -> SplitResult:
    """Take an address apart; raise UsageError, which shows no more of it than what can be no secret."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # a slash in a password leaves half of it where the port should be
    except ValueError:
        raise _no_address(url) from None
    if "@" in parts.netloc:
        hint = "leave it to ~/.netrc (https) or to boto3 (s3): what stands in a command line, everybody can read"
        raise UsageError("the address of a store holds no user and no password", hint=hint)
    if parts.query or parts.fragment or not _is_whole(parts):
        raise _no_address(url)
    return parts


def _is_whole(parts: SplitResult) -> bool:
    if parts.scheme == "file":
        return parts.netloc in ("", "localhost") and parts.path.startswith("/")
    return parts.scheme in ("s3", *_WEB) and bool(parts.netloc)


def _no_address(url: str) -> UsageError:
    shown = _BEFORE_HOST.sub(r"\1***@", url.partition("?")[0])
    return UsageError(f"{shown!r} is not the address of a store", hint=f"a store is {ADDRESSES}")
