"""Send one signed request to an address that was checked, within a deadline."""

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Final

from diarize_runner.errors import DiarizeRunnerError
from diarize_runner.service.queue.deliveries import DeliveryClaim
from diarize_runner.service.queue.job import Job
from diarize_runner.service.webhooks.addresses import Resolver, checked_addresses, resolve
from diarize_runner.service.webhooks.allowed import AllowedHost, Webhooks
from diarize_runner.service.webhooks.target import Target
from diarize_runner.service.work import WorkLabel
from diarize_runner.version import __version__

Dial = Callable[[str, int], socket.socket]
"""Connects to an address; raises OSError."""
_SUCCESS: Final = range(200, 300)
_CONNECT_SECONDS: Final = 5.0
_GONE: Final = 410


class DeliveryFailed(DiarizeRunnerError):
    """The receiver has not taken a request."""


class ReceiverGone(DeliveryFailed):
    """The receiver wants no more requests."""


def dial(address: str, port: int) -> socket.socket:
    """Connect to an address. Raises OSError."""
    return socket.create_connection((address, port), timeout=_CONNECT_SECONDS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sender:
    """Sends requests. It uses no proxy, follows no redirect, and reads no body of an answer."""

    webhooks: Webhooks
    clock: Callable[[], float]
    """Seconds since 1970."""
    resolver: Resolver = resolve
    dial: Dial = dial
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    seconds: float = 15.0
    """From the connection to the status of the answer."""

    def send(self, delivery: DeliveryClaim) -> None:
        """Send a request about a job that has ended.

        Raises:
            DeliveryFailed: the receiver has not taken it; ReceiverGone if there is no use in sending it again.
        """
        target, body = self._target(delivery), _body(delivery)
        try:
            status = self._post(target, body, self._headers(delivery.id, body))
        except (OSError, http.client.HTTPException, ValueError) as reason:
            message = f"{target.host.name}: {reason or type(reason).__name__}"
            raise DeliveryFailed(message, hint="check the receiver") from reason
        if status not in _SUCCESS:
            kind = ReceiverGone if status == _GONE else DeliveryFailed
            raise kind(f"{target.host.name} answers with status {status}", hint="check the receiver")

    def _target(self, delivery: DeliveryClaim) -> Target:
        """Check the URL again: the administrator may have removed its host, or allows it on another box only."""
        try:
            return Target.parse(delivery.url, self.webhooks)
        except DiarizeRunnerError as error:
            raise DeliveryFailed(error.message, hint=error.hint) from error

    def _post(self, target: Target, body: str, headers: dict[str, str]) -> int:
        """Return the status of the answer. Raises OSError, HTTPException, ValueError or DeliveryFailed."""
        host = target.host
        with self._connected(host) as plain, _closing_after(self.seconds, plain):
            connection = _PinnedConnection(host, self.context, plain)
            try:
                connection.request("POST", target.path, body.encode(), headers)
                return connection.getresponse().status
            finally:
                connection.close()

    @contextmanager
    def _connected(self, host: AllowedHost) -> Iterator[socket.socket]:
        """Yield a connection to the first checked address that answers: the name is resolved only once."""
        try:
            addresses = checked_addresses(host.name, host.port, self.resolver, is_private=host.is_private)
        except DiarizeRunnerError as error:
            raise DeliveryFailed(error.message, hint=error.hint) from error
        with self._first(addresses, host.port) as connected:
            yield connected

    def _first(self, addresses: tuple[str, ...], port: int) -> socket.socket:
        for address in addresses[:-1]:
            with suppress(OSError):
                return self.dial(address, port)
        return self.dial(addresses[-1], port)

    def _headers(self, delivery_id: str, body: str) -> dict[str, str]:
        from standardwebhooks.webhooks import Webhook

        now = datetime.fromtimestamp(int(self.clock()), tz=timezone.utc)
        return {
            "Content-Type": "application/json",
            "User-Agent": f"diarize-runner/{__version__}",
            "webhook-id": delivery_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(self.webhooks.secret).sign(delivery_id, now, body),
        }


class _PinnedConnection(http.client.HTTPSConnection):
    """A connection over a socket that is open already; TLS checks the certificate of the host's name."""

    def __init__(self, host: AllowedHost, context: ssl.SSLContext, connected: socket.socket) -> None:
        super().__init__(host.name, host.port, context=context)
        self._tls, self._connected = context, connected

    def connect(self) -> None:
        """Begin TLS on the socket."""
        self.sock = self._tls.wrap_socket(self._connected, server_hostname=self.host)


@contextmanager
def _closing_after(seconds: float, connected: socket.socket) -> Iterator[None]:
    """Shut the connection down when the time is over: the timeout of a socket bounds each read, not all of them.

    Raises:
        TimeoutError: it was over.
    """
    connected.settimeout(seconds)
    guard = connected.dup()  # TLS takes the socket itself over
    is_over = threading.Event()
    timer = threading.Timer(seconds, _shut_down, [guard, is_over])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        guard.close()
    if is_over.is_set():  # http.client takes the end of a connection for that of the headers
        raise TimeoutError(f"no answer within {seconds:g} s")


def _shut_down(guard: socket.socket, is_over: threading.Event) -> None:
    is_over.set()
    with suppress(OSError):  # the receiver was faster
        guard.shutdown(socket.SHUT_RDWR)


def _body(delivery: DeliveryClaim) -> str:
    """Return the body. Raises DeliveryFailed for a row of the queue that is damaged: the courier must go on."""
    try:
        return payload(delivery.job)
    except (ValueError, TypeError, KeyError) as reason:
        message = f"the row of job {delivery.job.id} is damaged: {type(reason).__name__}"
        raise DeliveryFailed(message, hint="delete the row") from reason


def payload(job: Job) -> str:
    """Return the body of the request about a job that has ended: the same at each attempt."""
    ended = datetime.fromtimestamp(job.finished_at or 0.0, tz=timezone.utc)
    data = {"id": job.id, "state": job.state, "task": WorkLabel.read(job.work).task}
    document = {"type": f"job.{job.state}", "timestamp": ended.isoformat().replace("+00:00", "Z"), "data": data}
    return json.dumps(document, separators=(",", ":"))
