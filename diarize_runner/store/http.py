"""Read a published store behind a web server: `https://host/prefix`.

`requests` finds proxies, certificates and passwords in HTTPS_PROXY, REQUESTS_CA_BUNDLE and ~/.netrc.
"""

import logging
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from requests import Response, Session, exceptions
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from diarize_runner.digests import hash_bytes
from diarize_runner.errors import ObjectNotFound, StoreError
from diarize_runner.store.protocol import MAX_DOCUMENT_BYTES, StoredDocument
from diarize_runner.store.remote import (
    CHUNK,
    TRY_AGAIN,
    RangeResponse,
    RetryPolicy,
    parse_object_size,
    read_chunks,
    read_resuming,
    request_with_timeout,
    retry,
)
from diarize_runner.store.size_limit import read_limited
from diarize_runner.version import __version__

_log = logging.getLogger(__name__)

_MAX_CONNECTIONS = 16
"""More than the parallel reads of a restore, so that none waits for a connection."""
_MAX_RETRY_AFTER = 60
"""Seconds: the cap on a server's Retry-After."""
_RETRIED_STATUSES = frozenset({429, 500, 502, 503, 504})
_GZIP = b"\x1f\x8b"
_BROKEN_BODY = (HTTPError, OSError, ValueError)
"""Errors of a body that breaks off; ssl raises ValueError when the socket was shut down just before the read."""
_RANGES_HINT = "use a server that supports range requests, such as nginx, Apache or Caddy"


class _HttpsDowngrade(exceptions.RequestException):
    pass


_REFUSED: dict[int, tuple[str, str]] = {
    HTTPStatus.UNAUTHORIZED: ("access was denied", "put the user and the password into ~/.netrc"),
    # S3 answers 403 for a missing object to a client that may not list the bucket.
    HTTPStatus.FORBIDDEN: (
        "access was denied, or the object does not exist",
        "check the address, and the user and password in ~/.netrc",
    ),
    HTTPStatus.OK: ("the server ignores range requests", _RANGES_HINT),
    **dict.fromkeys(_RETRIED_STATUSES, ("the server is overloaded or failing", "run again later")),
}

_TRANSPORT_ERRORS: tuple[tuple[type[exceptions.RequestException], str, str], ...] = (
    (_HttpsDowngrade, "the server redirects from https to http", "check the address and who runs the server"),
    (
        exceptions.SSLError,
        "the certificate is not trusted",
        "for a private certificate authority, set REQUESTS_CA_BUNDLE to its certificates",
    ),
    (exceptions.ProxyError, "the proxy cannot be reached", "check HTTPS_PROXY and NO_PROXY"),
    (exceptions.ConnectionError, "the server cannot be reached", "check the address and the network"),
    (exceptions.Timeout, "the server does not respond", TRY_AGAIN),
    (exceptions.TooManyRedirects, "the server redirects too often", "check the address"),
    (exceptions.RequestException, "the address is invalid", "check the address"),
)


class HttpStore:
    """Objects behind a web server: read-only, and without a list."""

    def __init__(self, url: str, retry_policy: RetryPolicy) -> None:
        self.url = url.rstrip("/")
        self._retry_policy = retry_policy
        self._session = _session(retry_policy)

    def read(self, key: str, max_bytes: int = MAX_DOCUMENT_BYTES) -> StoredDocument:
        """See ArchiveStore."""
        return retry(lambda: self._read(key, max_bytes), self._retry_policy)

    def read_range(self, key: str, offset: int, length: int) -> Iterator[bytes]:
        """See ArchiveStore. Raises StoreError, and never fetches the whole object, when the server ignores ranges."""
        return read_resuming(
            lambda start, count: self._request_range(key, start, count), offset, length, self._retry_policy
        )

    def list_folders(self, prefix: str, *, containing: str) -> Iterable[str]:  # noqa: ARG002  # the protocol's
        """Raise StoreError: HTTP has no listing."""
        raise StoreError(f"{self.url} cannot be listed over {urlsplit(self.url).scheme}")

    def _read(self, key: str, max_bytes: int) -> StoredDocument:
        response = self._get(key, {})
        if response.status_code != HTTPStatus.OK:
            raise self._refusal(key, response)
        with closing(self._iter_body(key, response)) as chunks:
            data = read_limited(chunks, max_bytes, self._object_url(key))
        if "Content-Encoding" in response.headers and data.startswith(_GZIP):
            hint = "turn compression off for the store's files: their digests are of the uncompressed bytes"
            raise StoreError(f"{self._object_url(key)}: the server compresses its responses", hint=hint)
        return StoredDocument(data=data, state=str(hash_bytes(data).digest))

    def _request_range(self, key: str, offset: int, length: int) -> RangeResponse | None:
        response = self._get(key, {"Range": f"bytes={offset}-{offset + length - 1}"})
        if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            response.close()
            return None
        if response.status_code != HTTPStatus.PARTIAL_CONTENT:
            raise self._refusal(key, response)
        object_url = self._object_url(key)
        try:
            total = parse_object_size(response.headers.get("Content-Range", ""), offset)
        except ValueError as reason:
            response.close()
            raise StoreError(
                f"{object_url}: the server handles range requests wrongly: {reason}", hint=_RANGES_HINT
            ) from None
        return RangeResponse(object_url=object_url, total=total, body=self._iter_body(key, response))

    def _get(self, key: str, headers: Mapping[str, str]) -> Response:
        address, timeout = (
            f"{self.url}/{quote(key)}",
            (self._retry_policy.connect_timeout, self._retry_policy.read_timeout),
        )
        _log.debug("GET %s %s", self._object_url(key), headers.get("Range", ""))
        try:
            return request_with_timeout(
                lambda: self._session.get(address, headers=headers, stream=True, timeout=timeout),
                self._object_url(key),
                self._retry_policy,
            )
        except exceptions.RequestException as reason:
            sentence, hint = next((what, hint) for kind, what, hint in _TRANSPORT_ERRORS if isinstance(reason, kind))
            raise StoreError(f"{self._object_url(key)}: {sentence}", hint=hint) from reason

    def _refusal(self, key: str, response: Response) -> StoreError:
        """Close the response unread and return its error."""
        response.close()
        status = response.status_code
        if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            return ObjectNotFound(f"{self.url} has no {key}")
        sentence, hint = _REFUSED.get(status, ("the server refused", "check the address"))
        return StoreError(f"{self._object_url(key)}: {sentence} (HTTP {status})", hint=hint)

    def _iter_body(self, key: str, response: Response) -> Generator[bytes]:
        """Yield the body undecoded: some servers send a .tar.gz as a tar with gzip encoding."""
        raw = response.raw
        with closing(response):
            yield from read_chunks(
                lambda: raw.read(CHUNK, decode_content=False),
                raw.shutdown,
                self._object_url(key),
                self._retry_policy,
                _BROKEN_BODY,
            )

    def _object_url(self, key: str) -> str:
        return f"{self.url}/{key}"


class _Session(Session):
    """Follows redirects, but not from https to http, and does not read their bodies."""

    def get_redirect_target(self, resp: Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target:
            resp.close()  # otherwise requests reads the whole body, to reuse the connection
        if target and resp.url.startswith("https:") and urlsplit(urljoin(resp.url, target)).scheme != "https":
            raise _HttpsDowngrade
        return target


class _Retry(Retry):
    """Does not read the body of a failed response; urllib3 reads all of it, to reuse the connection."""

    def increment(self, *args: Any, **more: Any) -> "_Retry":
        if response := more.get("response"):
            response.close()
        return super().increment(*args, **more)


def _session(retry_policy: RetryPolicy) -> Session:
    retries = _Retry(
        total=retry_policy.max_attempts - 1,
        backoff_factor=retry_policy.first_delay,
        status_forcelist=_RETRIED_STATUSES,
        raise_on_status=False,
        retry_after_max=_MAX_RETRY_AFTER,
    )
    session = _Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retries, pool_maxsize=_MAX_CONNECTIONS))
    session.headers.update({"User-Agent": f"diarize-runner/{__version__}", "Accept-Encoding": "identity"})
    return session
