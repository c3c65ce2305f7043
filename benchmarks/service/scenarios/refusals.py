"""Bodies that are too large or no recording: each is refused with a problem document.

This is no load, so it needs no locust. A body without Content-Length is sent until the server refuses it.
"""

import io
import json
import select
import socket
import time
import zipfile
from typing import Any
from urllib.parse import urlsplit

from benchmarks.service.server import Server
from benchmarks.service.site import Site

_LIMIT = 1 << 30
_CHUNK = bytes(1 << 20)
_HEADERS = (
    "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\nConnection: close\r\n"
    "Content-Type: multipart/form-data; boundary=large\r\n{length}\r\n\r\n"
)
_PART = b'--large\r\nContent-Disposition: form-data; name="file"; filename="large.wav"\r\n\r\n'
_PROBLEM = "application/problem+json"
_PATIENCE = 120.0


def measure(site: Site) -> dict[str, Any]:
    """Return the status of each body, and whether its answer is a problem document."""
    with site.serve() as (server, memory):
        large = {
            "Content-Length over the limit": _send_length(server, site.keys[0]),
            "chunks over the limit": _send_chunks(server, site.keys[1]),
        }
        wrong = {name: _upload(server, site.keys[2], name, body) for name, body in _bodies(site).items()}
    return {"limit_bytes": _LIMIT, "large": large, "wrong": wrong, "memory": memory.summarise()}


def _bodies(site: Site) -> dict[str, bytes]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.txt", "no audio")
    recording = site.short.read_bytes()
    return {
        "text.txt": b"no audio " * 1000,
        "archive.zip": archive.getvalue(),
        "picture.png": b"\x89PNG\r\n\x1a\n" + bytes(5000),
        "empty.wav": b"",
        "header-cut-off.wav": recording[:20],
        "header-only.wav": recording[:44],
    }


def _upload(server: Server, key: str, name: str, body: bytes) -> dict[str, Any]:
    response = server.client.post("/v1/jobs", files={"file": (name, body)}, headers={"X-API-Key": key})
    return _describe(response.status_code, response.headers.get("content-type", ""), response.content)


def _send_length(server: Server, key: str) -> dict[str, Any]:
    """Send headers without a byte of the body."""
    with _connect(server) as connection:
        start = time.perf_counter()
        connection.sendall(_HEADERS.format(key=key, length=f"Content-Length: {_LIMIT + 1}").encode())
        return {**_read(connection), "sent_bytes": 0, "seconds": round(time.perf_counter() - start, 3)}


def _send_chunks(server: Server, key: str) -> dict[str, Any]:
    with _connect(server) as connection:
        start = time.perf_counter()
        connection.sendall(_HEADERS.format(key=key, length="Transfer-Encoding: chunked").encode())
        sent = _send_until_answered(connection)
        return {**_read(connection), "sent_bytes": sent, "seconds": round(time.perf_counter() - start, 3)}


def _send_until_answered(connection: socket.socket) -> int:
    """Send chunks until there is an answer, or twice the limit is sent; return the bytes of the body."""
    sent, data = 0, _PART
    while sent < 2 * _LIMIT and not select.select([connection], [], [], 0)[0]:
        try:
            connection.sendall(b"%x\r\n%b\r\n" % (len(data), data))
        except OSError:  # the server has closed its end; its answer may have come before
            break
        sent, data = sent + len(data), _CHUNK
    return sent


def _connect(server: Server) -> socket.socket:
    address = urlsplit(server.url)
    return socket.create_connection((address.hostname or "", address.port or 0), _PATIENCE)


def _read(connection: socket.socket) -> dict[str, Any]:
    answer = b""
    try:
        while data := connection.recv(65536):
            answer += data
    except OSError:
        pass  # a reset after the answer
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split()[1]) if head else 0
    return _describe(status, head.decode("latin-1").lower(), body)


def _describe(status: int, content_type: str, body: bytes) -> dict[str, Any]:
    is_problem = _PROBLEM in content_type
    return {"status": status, "is_problem": is_problem, "detail": json.loads(body)["detail"] if is_problem else ""}
