"""Give each request an id, one line in the log, and security headers; answer for exceptions that no handler knows.

The log has no query, no header, no content and no key: a query or a file name can be private.
"""

import json
import logging
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from diarize_runner.service.web.handlers import problem_of
from diarize_runner.service.web.problems import problem_response
from diarize_runner.unexpected import unexpected_error

REQUEST_ID: Final = "X-Request-ID"
_VALID_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_CONTENT_SECURITY_POLICY = "Content-Security-Policy"
_LONGEST_PATH = 200
_CLIENT_GONE = 499
"""The status of a request whose client left before the response began, as nginx logs it."""
_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}

_log = logging.getLogger("diarize_runner.service")


Observer = Callable[[str, int, float], None]
"""Gets the endpoint, the status and the seconds of a request."""


def ignore(_route: str, _status: int, _seconds: float) -> None:
    """Count nothing."""


@dataclass(kw_only=True, slots=True)
class _Exchange:
    """A request and its response, as far as they have come."""

    scope: Scope
    receive: Receive
    send: Send
    request_id: str
    bytes_in: int = 0
    status: int = 0
    """0 until the response begins."""
    client_is_gone: bool = False
    """Whether the client left before the response began; the framework may still send one."""

    @property
    def final_status(self) -> int:
        """The status of the response; 499 if the client left first."""
        return _CLIENT_GONE if self.client_is_gone else self.status

    async def receive_counted(self) -> Message:
        message = await self.receive()
        self.bytes_in += len(message.get("body", b""))
        if message["type"] == "http.disconnect" and not self.status:
            self.client_is_gone = True
        return message

    async def send_with_headers(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers[REQUEST_ID] = self.request_id
            for name, value in _HEADERS.items():
                headers[name] = value
            headers.setdefault(_CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'")
        await self.send(message)


@dataclass(frozen=True, kw_only=True, slots=True)
class Requests:
    """ASGI middleware, the outermost. `scope["state"]["request_id"]` is the id of the request."""

    app: ASGIApp = field(kw_only=False)
    observe: Observer = ignore
    """Called at the end of each request."""
    clock: Callable[[], float] = time.monotonic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        exchange = _Exchange(scope=scope, receive=receive, send=send, request_id=request_id)
        began = self.clock()
        try:
            await self._answer(exchange)
        finally:
            seconds = self.clock() - began
            _log.info("%s", _line(exchange, seconds))
            self.observe(route_of(scope), exchange.final_status, seconds)

    async def _answer(self, exchange: _Exchange) -> None:
        scope, receive, send = exchange.scope, exchange.receive_counted, exchange.send_with_headers
        try:
            await self.app(scope, receive, send)
        except ClientDisconnect:
            exchange.client_is_gone = True
        except Exception as reason:
            error = unexpected_error(reason, f"request {exchange.request_id} failed")  # it logs the traceback
            _log.error("%s", error.message)
            if exchange.status:  # the server closes the connection, so that the client sees the response is incomplete
                raise
            await problem_response(problem_of(reason), scope)(scope, receive, send)


def route_of(scope: Scope) -> str:
    """Return the method and path of the endpoint, such as `GET /v1/jobs/{job_id}`, without any id.

    A method that the endpoint does not have is `other`: each one that clients invent would stay in the metrics.
    """
    route = scope.get("route")
    if route is None:
        return "no endpoint"
    method = scope["method"] if scope["method"] in route.methods else "other"
    return f"{method} {route.path}"


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get(REQUEST_ID, "")
    return given if _VALID_ID.fullmatch(given) else secrets.token_hex(16)


def _line(exchange: _Exchange, seconds: float) -> str:
    scope = exchange.scope
    line = {
        "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        "request_id": exchange.request_id,
        "method": scope["method"],
        "path": scope["path"][:_LONGEST_PATH],
        "status": exchange.final_status,
        "milliseconds": round(1000 * seconds),
        "key": scope["state"].get("owner", ""),
        "bytes_in": exchange.bytes_in,
    }
    return json.dumps(line)
