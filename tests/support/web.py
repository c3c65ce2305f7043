"""An HTTP server on loopback with faults on demand.

Responses come from an origin: the files of a folder, or another server, to which it is a proxy.
"""

import http.client
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True, kw_only=True)
class Request:
    """A received request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A response of an origin."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def with_headers(self, **headers):
        """Return the response with more headers; `_` in a name becomes `-`."""
        return replace(
            self, headers={**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        )


Origin = Callable[[Request], Answer]
Fault = Callable[["_Handler", Request, Origin], None]


def files(folder):
    """Serve the files of `folder`, with ranges; .html files as text/html."""

    def origin(request):
        path = folder / unquote(urlsplit(request.path).path).lstrip("/")
        if not path.is_file():
            return Answer(status=404)
        answer = _ranged(path.read_bytes(), request.headers.get("Range"))
        return answer.with_headers(Content_Type="text/html") if path.suffix == ".html" else answer

    return origin


def files_whole(folder):
    """Serve the files of `folder`, ignoring Range, as many simple servers do."""
    origin = files(folder)
    return lambda request: origin(replace(request, headers={}))


def _ranged(data, header):
    if not header:
        return Answer(status=200, body=data)
    first, last = re.fullmatch(r"bytes=(\d+)-(\d*)", header).groups()
    first, last = int(first), int(last or len(data))
    if first >= len(data):
        return Answer(status=416, headers={"Content-Range": f"bytes */{len(data)}"})
    part = data[first : last + 1]
    return Answer(
        status=206, headers={"Content-Range": f"bytes {first}-{first + len(part) - 1}/{len(data)}"}, body=part
    )


def relay(url):
    """Forward every request unchanged to the server at `url`: it may be signed."""
    address = urlsplit(url)

    def origin(request):
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        connection.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.items():
            if name.lower() not in ("expect", "connection"):
                connection.putheader(name, value)
        connection.endheaders(request.body, encode_chunked="Transfer-Encoding" in request.headers)
        answer = connection.getresponse()
        headers = {name: value for name, value in answer.getheaders() if name.lower() not in _OWN_HEADERS}
        length = {"Content-Length": answer.getheader("Content-Length", "0")} if request.method == "HEAD" else {}
        return Answer(status=answer.status, headers={**headers, **length}, body=answer.read())

    return origin


_OWN_HEADERS = {"content-length", "transfer-encoding", "connection", "date", "server"}


def responds_with_status(status, **headers):
    """Respond with `status` to every request."""
    return lambda handler, _, __: handler.send(Answer(status=status).with_headers(**headers))


def responds_with(answer):
    """Respond with `answer` to every request."""
    return lambda handler, _, __: handler.send(answer)


def changed(change):
    """Respond with the origin's response, changed by `change`."""
    return lambda handler, request, origin: handler.send(change(origin(request)))


def cut(after):
    """Announce the whole body, send `after` bytes, and reset the connection."""

    def fault(handler, request, origin):
        handler.send_head_of(answer := origin(request))
        handler.wfile.write(answer.body[:after])
        handler.reset()

    return fault


def ended(after):
    """Announce the whole body, send `after` bytes, and close the connection."""

    def fault(handler, request, origin):
        handler.send_head_of(answer := origin(request))
        handler.wfile.write(answer.body[:after])
        handler.close_connection = True

    return fault


def reset(handler, request, origin):
    """Reset the connection without a response."""
    handler.reset()


def lost(handler, request, origin):
    """Process the request, and reset the connection without a response."""
    origin(request)
    handler.reset()


def silent(after, seconds):
    """Send `after` bytes of the body, and then nothing for `seconds`."""

    def fault(handler, request, origin):
        handler.send_head_of(answer := origin(request))
        handler.wfile.write(answer.body[:after])
        handler.wfile.flush()
        time.sleep(seconds)
        handler.reset()

    return fault


def endless(answer, most=256 << 20):
    """Send the head of `answer`, then a chunked body until the client hangs up or `most` bytes are sent."""

    def fault(handler, request, origin):
        chunk = b"x" * 65536
        handler.server.flooded += len(chunk)  # before the client can react
        handler.send_response(answer.status)
        for name, value in {**answer.headers, "Transfer-Encoding": "chunked"}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.close_connection = True
        for _ in range(most // len(chunk)):
            handler.wfile.write(b"10000\r\n" + chunk + b"\r\n")
            handler.server.flooded += len(chunk)

    return fault


def dripping(pause, after=0, most=600):
    """Send `after` bytes of the origin's response, and then a byte every `pause` seconds."""

    def fault(handler, request, origin):
        handler.send_head_of(answer := origin(request))
        handler.wfile.write(answer.body[:after])
        for byte in answer.body[after : after + most]:
            handler.wfile.write(bytes([byte]))
            time.sleep(pause)
        handler.reset()

    return fault


def paced(pause, piece):
    """Send the origin's response, `piece` bytes at a time, and wait `pause` seconds after each."""

    def fault(handler, request, origin):
        handler.send_head_of(answer := origin(request))
        for begin in range(0, len(answer.body), piece):
            handler.wfile.write(answer.body[begin : begin + piece])
            time.sleep(pause)

    return fault


def dripping_head(pause, most=600):
    """Send an endless response head, a byte every `pause` seconds."""

    def fault(handler, request, origin):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
        for _ in range(most):
            handler.wfile.write(b"x")
            time.sleep(pause)
        handler.reset()

    return fault


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        request = self._request()
        self.server.requests.append(request)
        if fault := self.server.next_fault(request):
            fault(self, request, self.server.origin)
        else:
            self.send(self.server.origin(request))

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer  # noqa: N815  # http.server's names

    def _request(self):
        chunked = self.headers.get("Transfer-Encoding") == "chunked"
        body = self._chunks() if chunked else self.rfile.read(int(self.headers.get("Content-Length", "0")))
        return Request(method=self.command, path=self.path, headers=dict(self.headers.items()), body=body)

    def _chunks(self):
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def send(self, answer):
        self.send_head_of(answer)
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def send_head_of(self, answer):
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def reset(self):
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.server.shutdown_request(self.connection)
        self.close_connection = True

    def log_message(self, *_):
        pass


class WebServer(ThreadingHTTPServer):
    """The server; `requests` records all requests, `flooded` counts the bytes sent by `endless`."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, origin, address):
        super().__init__(address, _Handler)
        self.origin, self.requests, self.flooded = origin, [], 0
        self._faults, self._lock = [], threading.Lock()

    @property
    def url(self):
        scheme = "https" if isinstance(self.socket, ssl.SSLSocket) else "http"
        return f"{scheme}://{self.server_address[0]}:{self.server_address[1]}"

    def fails(self, *faults, times=1, when=lambda request: True):
        """Respond to the next requests that match `when` with `faults`, one each, `times` times."""
        self._faults += [(when, fault) for _ in range(times) for fault in faults]

    def forgive(self):
        """Remove all faults."""
        with self._lock:
            self._faults.clear()

    def next_fault(self, request):
        with self._lock:
            for index, (when, fault) in enumerate(self._faults):
                if when(request):
                    del self._faults[index]
                    return fault
        return None

    def handle_error(self, *_):
        """Print nothing: many tests close connections."""


@contextmanager
def serving(origin, certificate=None, address=("127.0.0.1", 0)):
    """Run a server for `origin`; with a certificate, over TLS."""
    with WebServer(origin, address) as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
