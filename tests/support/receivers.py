"""A receiver of webhooks with TLS on loopback, and a sender that reaches it under a public address."""

import http.server
import socket
import ssl
import threading
import time
from contextlib import contextmanager

from support.certificates import write_certificate

from diarize_runner.service.webhooks.allowed import AllowedHost, Webhooks
from diarize_runner.service.webhooks.sender import Sender

HOST, PUBLIC, SECRET = "hooks.example.com", "93.184.216.34", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
URL = f"https://{HOST}/jobs?team=7"
WEBHOOKS = Webhooks(secret=SECRET, hosts=(AllowedHost(name=HOST),))


def answer(status, **headers):
    """Return a behaviour that answers with a status."""

    def behave(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return behave


def drip(handler):
    """Send a header that ends after ten seconds, a byte at a time, then success."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(200):
        handler.wfile.write(b"x")
        time.sleep(0.05)
    handler.wfile.write(b"\r\nContent-Length: 0\r\n\r\n")


def endless(handler):
    """Succeed with a body that never ends."""
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"x" * 65536)


class Receiver:
    """`requests` are the path, headers and body of each request; `behave` answers it."""

    def __init__(self, certificate):
        self.requests, self.behave, self.certificate = [], answer(204), certificate
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # the sender closes connections early
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def port(self):
        return self.server.server_address[1]

    def sender(self, *, webhooks=WEBHOOKS, cafile=None, resolver=lambda *_: [PUBLIC], clock=time.time, seconds=30.0):
        """Return a sender; `dialled` are the addresses that it connects to, which all lead here."""
        self.dialled = []

        def dial(address, port):
            self.dialled.append((address, port))
            return socket.create_connection(("127.0.0.1", self.port), timeout=seconds)

        context = ssl.create_default_context(cafile=cafile or self.certificate)
        return Sender(webhooks=webhooks, clock=clock, resolver=resolver, dial=dial, context=context, seconds=seconds)

    def _handler(self):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append((self.path, dict(self.headers), body))
                receiver.behave(self)

            def log_message(self, *_):
                pass

        return Handler


@contextmanager
def receiver(path, names=(HOST,)):
    """Yield a receiver whose certificate is of `names`."""
    started = Receiver(write_certificate(path / "certificate.pem", names))
    thread = threading.Thread(target=started.server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield started
    finally:
        started.server.shutdown()
        thread.join()
        started.server.server_close()
