"""Open a store by its address. The HTTP and S3 modules are imported on first use."""

import re
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from diarize_runner.errors import UsageError
from diarize_runner.store.local import LocalStore
from diarize_runner.store.protocol import ArchiveStore, WritableArchiveStore
from diarize_runner.store.remote import RetryPolicy

_WEB = ("https", "http")
_DEFAULT_RETRY_POLICY = RetryPolicy()
_BEFORE_HOST = re.compile(r"^(\w+://)?.*@")
"""Matches a user and a password, even in an invalid address."""
ADDRESSES = "file:///folder, s3://bucket/prefix or https://host/prefix"


def open_store(url: str, retry_policy: RetryPolicy = _DEFAULT_RETRY_POLICY) -> ArchiveStore:
    """Return the store at `url` for reading; raise UsageError when `url` is no store address."""
    if parse_address(url).scheme not in _WEB:
        return open_writable_store(url, retry_policy)
    from diarize_runner.store.http import HttpStore

    return HttpStore(url, retry_policy)


def open_writable_store(url: str, retry_policy: RetryPolicy = _DEFAULT_RETRY_POLICY) -> WritableArchiveStore:
    """Return the store at `url` for writing; raise UsageError for a web server or an invalid address."""
    parts = parse_address(url)
    if parts.scheme == "file":
        return LocalStore(Path(unquote(parts.path)))
    if parts.scheme != "s3":
        hint = "publish to file:///folder or s3://bucket/prefix, which a web server may serve"
        raise UsageError(f"{url} is read-only: a web server takes no uploads", hint=hint)
    from diarize_runner.store.s3.store import S3Store

    return S3Store.at(url, retry_policy)


def open_listable_store(url: str) -> WritableArchiveStore:
    """Return a store that can list its objects; raise UsageError for a web server or an invalid address."""
    if parse_address(url).scheme in _WEB:
        hint = "pass the folder or the bucket that it serves: file:///folder or s3://bucket/prefix"
        raise UsageError(f"{url} cannot be listed: a web server has no list of objects", hint=hint)
    return open_writable_store(url)


def open_store_without_conditional_writes(url: str) -> WritableArchiveStore:
    """Return the bucket at `url` for one writer at a time; raise UsageError when `url` is no bucket address."""
    if parse_address(url).scheme != "s3":
        raise UsageError(
            f"--without-conditional-writes requires a bucket, not {url}",
            hint="omit the option, or pass --store s3://bucket/prefix",
        )
    from diarize_runner.store.s3.store import UnconditionalS3Store

    return UnconditionalS3Store.at(url, _DEFAULT_RETRY_POLICY)


def parse_address(url: str) -> SplitResult:
    """Split an address; raise UsageError, which hides any user and password, when it is invalid."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # a slash in a password puts the first half in place of the port
    except ValueError:
        raise _invalid_address(url) from None
    if "@" in parts.netloc:
        hint = "keep them in ~/.netrc (https) or in boto3's settings (s3): other users can read a command line"
        raise UsageError("the store address contains a user or a password", hint=hint)
    if parts.query or parts.fragment or not _is_complete(parts):
        raise _invalid_address(url)
    return parts


def _is_complete(parts: SplitResult) -> bool:
    if parts.scheme == "file":
        return parts.netloc in ("", "localhost") and parts.path.startswith("/")
    return parts.scheme in ("s3", *_WEB) and bool(parts.netloc)


def _invalid_address(url: str) -> UsageError:
    shown = _BEFORE_HOST.sub(r"\1***@", url.partition("?")[0])
    return UsageError(f"{shown!r} is not a store address", hint=f"pass {ADDRESSES}")
