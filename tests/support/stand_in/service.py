"""The HTTP service of the stand-in toolkit: it takes the requests of roles/service, and answers them without work."""

import os
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from diarize_runner.service.systemd import Systemd

ANSWERS = {
    ("GET", "/readyz"): (200, '{"status": "ok"}'),
    ("POST", "/v1/jobs"): (202, '{"id": "1"}'),
    ("GET", "/v1/jobs/1"): (200, '{"state": "succeeded"}'),
    ("GET", "/v1/jobs/1/result?format=rttm"): (200, "SPEAKER sample 1 0.0 1.0 <NA> <NA> SPEAKER_00 <NA> <NA>\n"),
    ("DELETE", "/v1/jobs/1"): (204, ""),
}


class Handler(BaseHTTPRequestHandler):
    """Answers from a table."""

    answers = ANSWERS

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        status, body = self.answers.get((self.command, self.path), (404, ""))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    do_GET = do_POST = do_DELETE = answer  # noqa: N815  # BaseHTTPRequestHandler calls these names


class Server(ThreadingHTTPServer):
    """Serves on a socket that replaces its own, as the sandbox of the service allows no Internet sockets."""

    address_family = socket.AF_UNIX


def serve(heard):
    """Serve on the socket of systemd; GET /heard returns `heard`."""
    systemd = Systemd.take(os.environ)
    Handler.answers = {**ANSWERS, ("GET", "/heard"): (200, heard)}
    with Server(systemd.listener.getsockname(), Handler, bind_and_activate=False) as server:
        server.socket.close()
        server.socket = systemd.listener
        systemd.notify_ready()
        server.serve_forever()
