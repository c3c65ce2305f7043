"""Slow clients: each sends one byte a second of its headers, or of a body, until the end or until it is cut off."""

import socket
import time
from urllib.parse import urlsplit

from locust import User, task
from locust.exception import StopUser
from recorder import SETTINGS

HELD, CLOSED = "held to the end", "closed by the server"
_numbers = iter(range(1_000_000))
_BODY = (
    "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=slow\r\n"
    "Content-Length: 1000000\r\n{key}\r\n"
    '--slow\r\nContent-Disposition: form-data; name="file"; filename="slow.wav"\r\n\r\n'
)
"""The body starts as a form does: the server refuses any other at once, which would test nothing slow."""
_HEADERS = "GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\nX-Slow: "


class Slow(User):
    """A client with a plain socket."""

    abstract = True
    name = ""

    def beginning(self) -> bytes:
        """Return what it sends at once."""
        raise NotImplementedError

    @task
    def hold(self) -> None:
        """Connect once."""
        began = time.time()
        status, outcome = self._drip(began + SETTINGS["hold_seconds"])
        fired = {"request_type": "SLOW", "name": self.name, "response_time": (time.time() - began) * 1000}
        response = type("Response", (), {"status_code": status})
        self.environment.events.request.fire(
            **fired, response_length=0, response=response, exception=outcome, context={}, start_time=began
        )
        raise StopUser

    def _drip(self, until: float) -> tuple[int, str]:
        """Return the status of an answer, or 0, and how the connection ended."""
        address = urlsplit(self.host)
        try:
            with socket.create_connection((address.hostname, address.port), 30) as connection:
                connection.sendall(self.beginning())
                return self._send_slowly(connection, until)
        except OSError:
            return 0, CLOSED

    def _send_slowly(self, connection: socket.socket, until: float) -> tuple[int, str]:
        connection.settimeout(1.0)
        while time.time() < until:
            connection.sendall(b"a")
            try:
                answer = connection.recv(4096)
            except TimeoutError:
                continue
            return (int(answer.split()[1]), "answered") if answer.startswith(b"HTTP/1.1 ") else (0, CLOSED)
        return 0, HELD


class SlowHeaders(Slow):
    """It never ends its headers."""

    name = "slow headers"
    fixed_count = SETTINGS["slow_headers"]

    def beginning(self) -> bytes:
        """Return the start of a request."""
        return _HEADERS.encode()


class SlowBody(Slow):
    """It uploads with a key; clients take the keys in turn."""

    name = "slow body"
    fixed_count = SETTINGS["slow_bodies"]

    def beginning(self) -> bytes:
        """Return the headers."""
        keys = SETTINGS["slow_tokens"]
        key = f"X-API-Key: {keys[next(_numbers) % len(keys)]}\r\n" if keys else ""
        return _BODY.format(key=key).encode()
