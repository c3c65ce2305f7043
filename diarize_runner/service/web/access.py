"""Decide about a request before a byte of its body is read: who sends it, how often, how much.

`scope["state"]["owner"]` is the name of the key; empty without keys.
"""

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from diarize_runner.service.keys import WatchedKeys
from diarize_runner.service.settings import Limits
from diarize_runner.service.web.origin import SAFE_METHODS, SameSite
from diarize_runner.service.web.problems import BAD_REQUEST, TOO_LARGE, UNAUTHORIZED, Problem, problem_response
from diarize_runner.service.web.rates import OpenRequests, Rates, Uploads, UploadSlot
from diarize_runner.service.web.steady import SteadyBody

OPEN_PATHS: Final = frozenset({"/", "/livez", "/readyz", "/health", "/ready"})
"""Those of the page, which holds no data, and of probes, which have no key; for GET and HEAD."""
MAX_DOCUMENT_BYTES: Final = 1 << 20
"""Of a body that is no upload: such a body is read into memory."""
_KEY_HEADERS: Final = ("x-api-key", "xi-api-key")
_UPLOAD_TYPES: Final = ("multipart/", "audio/", "video/", "application/octet-stream")
_CHARSETS: Final = (b"utf-8", b"utf8", b"us-ascii", b"iso-8859-1")
"""Those that clients send. Starlette decodes a form with any codec of Python, and one as `punycode` takes minutes."""
_CHALLENGE = 'Bearer realm="diarize-runner"'
_POLICY_VIOLATION = 1008
"""https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1"""


@dataclass(kw_only=True, slots=True)
class Access:
    """ASGI middleware, which only `requests.Requests` may surround."""

    app: ASGIApp = field(kw_only=False)
    limits: Limits
    keys: WatchedKeys | None
    """None: no keys, so that only pages of other sites are refused."""
    bound_host: str
    uploads: Uploads
    _rates: Rates = field(init=False)
    _open: OpenRequests = field(init=False)
    _same_site: SameSite = field(init=False)
    _for_documents: ASGIApp = field(init=False)
    _for_uploads: ASGIApp = field(init=False)

    def __post_init__(self) -> None:
        """Make what it decides with. Starlette's own limit counts the bytes of bodies without a Content-Length."""
        self._rates = Rates(per_minute=self.limits.requests_per_minute)
        self._open = OpenRequests(at_a_time=self.limits.requests_at_a_time)
        self._same_site = SameSite(bound_host=self.bound_host)
        self._for_documents = RequestBodyLimitMiddleware(self.app, max_body_size=MAX_DOCUMENT_BYTES)
        self._for_uploads = RequestBodyLimitMiddleware(self.app, max_body_size=self.limits.max_upload_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with a problem."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        elif scope["type"] != "http" or _is_open(scope):
            await self.app(scope, receive, send)
        else:
            await self._decide(scope, receive, send)

    async def _decide(self, scope: Scope, receive: Receive, send: Send) -> None:
        with ExitStack() as held:
            try:
                slot = self._admit(scope, held)
            except Problem as problem:
                await problem_response(problem, scope)(scope, receive, send)
                return
            rate, grace = self.limits.upload_rate, self.limits.upload_grace_seconds
            in_time = SteadyBody(receive=receive, rate=rate, grace=grace).receive_in_time
            if slot is None:
                await self._for_documents(scope, in_time, send)
            else:
                await self._for_uploads(scope, _released_at_the_end(in_time, slot), send)

    def _admit(self, scope: Scope, held: ExitStack) -> UploadSlot | None:
        """Return the slot of an upload, None for another request; raise the problem of one that is refused.

        `held` releases at the end of the request what it takes.
        """
        state = scope.setdefault("state", {})
        state["owner"] = owner = self._authenticate(scope)
        client = owner or _client_address(scope)
        self._rates.count(client)
        is_upload = _is_upload(scope)
        _require_charset(scope)
        _require_length(scope, self.limits.max_upload_bytes if is_upload else MAX_DOCUMENT_BYTES)
        held.enter_context(self._open.counted(client))
        if not is_upload:
            return None
        slot = self.uploads.take(owner)
        held.callback(slot.release)
        return slot

    def _authenticate(self, scope: Scope) -> str:
        if self.keys is None:
            self._same_site.require(scope)
            return ""
        token = _token(Headers(scope=scope))
        if token is None:
            hint = "send a key: Authorization: Bearer KEY, or X-API-Key: KEY"
            raise Problem(UNAUTHORIZED, "there is no API key", hint=hint, headers={"WWW-Authenticate": _CHALLENGE})
        owner = self.keys.current().find(token)
        if owner is None:
            hint = "check the key, and that it was not revoked"
            challenge = {"WWW-Authenticate": f'{_CHALLENGE}, error="invalid_token"'}
            raise Problem(UNAUTHORIZED, "the API key is not valid", hint=hint, headers=challenge)
        return owner


def _is_open(scope: Scope) -> bool:
    return scope["path"] in OPEN_PATHS and scope["method"] in ("GET", "HEAD")


def _token(headers: Headers) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return next((headers[name].strip() for name in _KEY_HEADERS if headers.get(name)), None)


def _client_address(scope: Scope) -> str:
    client = scope.get("client")
    return f"address {client[0]}" if client else "address unknown"


def _is_upload(scope: Scope) -> bool:
    media_type = Headers(scope=scope).get("content-type", "").lower().lstrip()
    return scope["method"] not in SAFE_METHODS and media_type.startswith(_UPLOAD_TYPES)


def _require_charset(scope: Scope) -> None:
    _, parameters = parse_options_header(Headers(scope=scope).get("content-type"))
    if parameters.get(b"charset", _CHARSETS[0]).lower() not in _CHARSETS:
        raise Problem(BAD_REQUEST, "the charset of the body is not supported", hint="send it in UTF-8")


def _require_length(scope: Scope, most: int) -> None:
    length = Headers(scope=scope).get("content-length", "0")
    if not length.isdecimal():
        raise Problem(BAD_REQUEST, "Content-Length is not a number", hint="send the number of bytes of the body")
    if len(length) > len(str(most)) or int(length) > most:
        hint = "send a shorter recording, or a compressed one such as FLAC or Opus"
        raise Problem(TOO_LARGE, f"the body may have at most {most} bytes", hint=hint)


def _released_at_the_end(receive: Receive, slot: UploadSlot) -> Receive:
    """Return `receive`, which releases the slot with the last byte: the request may wait long for its result."""

    async def receive_and_release() -> Message:
        message = await receive()
        if not message.get("more_body", False):  # also when the client has disconnected
            slot.release()
        return message

    return receive_and_release
