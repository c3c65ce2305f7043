"""A published store behind a web server, to be read: `https://host/prefix`.

Proxies, certificates and passwords are found by `requests` alone, where everybody keeps them: HTTPS_PROXY,
REQUESTS_CA_BUNDLE, ~/.netrc.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from requests import Response, Session, exceptions
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from diarize_runner.digests import content_of
from diarize_runner.errors import ObjectNotFound, StoreError
from diarize_runner.store.protocol import SMALL, StoredDocument
from diarize_runner.store.remote import CHUNK, TRY_AGAIN, Part, Patience, ask_for, chunks, persist, read_on, total_of
from diarize_runner.store.small import read_small
from diarize_runner.version import __version__

_POOL = 16
"""Connections at the most: more than a restore reads from at once, so that none waits for another's."""
_LONGEST_WAIT = 60
"""Seconds that a server's Retry-After may ask for."""
_BUSY = frozenset({429, 500, 502, 503, 504})
_GZIP = b"\x1f\x8b"
_BROKEN = (HTTPError, OSError, ValueError)
"""What a body that breaks off raises; ssl raises ValueError, where the socket was stopped just then."""
_HOW_TO_READ_RANGES = "put the store behind a server that reads ranges, such as nginx, Apache or Caddy"


class _LeadsAwayFromHttps(exceptions.RequestException):
    pass


_REFUSED: dict[int, tuple[str, str]] = {
    HTTPStatus.UNAUTHORIZED: ("access was denied", "user and password belong in ~/.netrc"),
    # A bucket behind a web address says 403 of what is not there, to those who may not list it.
    HTTPStatus.FORBIDDEN: (
        "access was denied, or it is not there",
        "check the address; user and password belong in ~/.netrc",
    ),
    HTTPStatus.OK: ("the server ignores Range", _HOW_TO_READ_RANGES),
    **dict.fromkeys(_BUSY, ("the server is overloaded or in trouble", "run again later")),
}

_TROUBLE: tuple[tuple[type[exceptions.RequestException], str, str], ...] = (
    (_LeadsAwayFromHttps, "the server leads away from https", "check the address, and who runs it"),
    (
        exceptions.SSLError,
        "the certificate is not trusted",
        "name your own authority's certificates in REQUESTS_CA_BUNDLE",
    ),
    (exceptions.ProxyError, "the proxy cannot be reached", "check HTTPS_PROXY and NO_PROXY"),
    (exceptions.ConnectionError, "the server cannot be reached", "check the address and the network"),
    (exceptions.Timeout, "the server does not answer", TRY_AGAIN),
    (exceptions.TooManyRedirects, "the server leads round in circles", "check the address"),
    (exceptions.RequestException, "that is no address", "check the address"),
)


class HttpStore:
    """Objects as a web server serves them. It has no list of them, and nothing is written."""

    def __init__(self, url: str, patience: Patience) -> None:
        self.url = url.rstrip("/")
        self._patience = patience
        self._session = _session(patience)

    def read(self, key: str, most: int = SMALL) -> StoredDocument:
        """See ArchiveStore."""
        return persist(lambda: self._read(key, most), self._patience)

    def read_range(self, key: str, offset: int, length: int) -> Iterator[bytes]:
        """See ArchiveStore. Raises StoreError when the server ignores ranges: the whole object is never fetched."""
        return read_on(lambda start, count: self._ask(key, start, count), offset, length, self._patience)

    def folders(self, prefix: str, *, holding: str) -> Iterable[str]:  # noqa: ARG002  # the protocol's
        """Raise StoreError."""
        raise StoreError(f"{self.url} cannot be listed, as it is read over {urlsplit(self.url).scheme}")

    def _read(self, key: str, most: int) -> StoredDocument:
        answer = self._get(key, {})
        if answer.status_code != HTTPStatus.OK:
            raise self._refusal(key, answer)
        with closing(self._pieces(key, answer)) as pieces:
            data = read_small(pieces, most, self._place(key))
        if "Content-Encoding" in answer.headers and data.startswith(_GZIP):
            hint = "switch its compression off for the store: what was not asked for cannot be checked"
            raise StoreError(f"{self._place(key)}: the server compresses what it sends", hint=hint)
        return StoredDocument(data=data, state=str(content_of(data).digest))

    def _ask(self, key: str, offset: int, length: int) -> Part | None:
        answer = self._get(key, {"Range": f"bytes={offset}-{offset + length - 1}"})
        if answer.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            answer.close()
            return None
        if answer.status_code != HTTPStatus.PARTIAL_CONTENT:
            raise self._refusal(key, answer)
        place = self._place(key)
        try:
            total = total_of(answer.headers.get("Content-Range", ""), offset)
        except ValueError as reason:
            answer.close()
            raise StoreError(f"{place}: the server misreads ranges: {reason}", hint=_HOW_TO_READ_RANGES) from None
        return Part(place=place, total=total, pieces=self._pieces(key, answer))

    def _get(self, key: str, headers: Mapping[str, str]) -> Response:
        address, timeout = f"{self.url}/{quote(key)}", (self._patience.connect, self._patience.silence)
        try:
            return ask_for(
                lambda: self._session.get(address, headers=headers, stream=True, timeout=timeout),
                self._place(key),
                self._patience,
            )
        except exceptions.RequestException as reason:
            sentence, hint = next((said, hint) for kind, said, hint in _TROUBLE if isinstance(reason, kind))
            raise StoreError(f"{self._place(key)}: {sentence}", hint=hint) from reason

    def _refusal(self, key: str, answer: Response) -> StoreError:
        """Close the answer, unread, and say why it will not do."""
        answer.close()
        status = answer.status_code
        if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            return ObjectNotFound(f"{self.url} has no {key}")
        sentence, hint = _REFUSED.get(status, ("the server refused", "check the address"))
        return StoreError(f"{self._place(key)}: {sentence} (HTTP {status})", hint=hint)

    def _pieces(self, key: str, answer: Response) -> Generator[bytes]:
        """Yield the body as it was sent: some servers call a .tar.gz a tar in gzip encoding, and that must stay."""
        raw = answer.raw
        with closing(answer):
            yield from chunks(
                lambda: raw.read(CHUNK, decode_content=False), raw.shutdown, self._place(key), self._patience, _BROKEN
            )

    def _place(self, key: str) -> str:
        return f"{self.url}/{key}"


class _Session(Session):
    """Follows redirects, but never from https to http, and reads no more of one than its head."""

    def get_redirect_target(self, resp: Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target:
            resp.close()  # requests reads all of its body otherwise, to use the connection again
        if target and resp.url.startswith("https:") and urlsplit(urljoin(resp.url, target)).scheme != "https":
            raise _LeadsAwayFromHttps
        return target


class _Retry(Retry):
    """Reads nothing of an answer that makes it try again; urllib3 reads all of it, to use the connection again."""

    def increment(self, *args: Any, **more: Any) -> "_Retry":
        if response := more.get("response"):
            response.close()
        return super().increment(*args, **more)


def _session(patience: Patience) -> Session:
    retry = _Retry(
        total=patience.tries - 1,
        backoff_factor=patience.pause,
        status_forcelist=_BUSY,
        raise_on_status=False,
        retry_after_max=_LONGEST_WAIT,
    )
    session = _Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry, pool_maxsize=_POOL))
    session.headers.update({"User-Agent": f"diarize-runner/{__version__}", "Accept-Encoding": "identity"})
    return session
