"""nginx, as Debian builds it: it serves a folder, or runs deploy/pull-through/nginx.conf."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

RECIPE = Path(__file__).resolve().parents[2] / "deploy/pull-through/nginx.conf"
_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
_MAIN = """\
daemon off; worker_processes 2; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    log_format sent '$request_uri|$http_range|$status|$body_bytes_sent'; access_log {folder}/access.log sent;
    {site}
}}
"""
_ORIGIN = "server {{ listen 127.0.0.1:{port}; root {root}; limit_rate {rate}; }}"


def require_nginx():
    """Skip the test where nginx is missing; fail it if DIARIZE_RUNNER_REQUIRE_NGINX is 1."""
    if shutil.which("nginx", path=_PATH):
        return
    reason = "nginx is not installed: run scripts/install-test-packages.sh"
    if os.environ.get("DIARIZE_RUNNER_REQUIRE_NGINX") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """A response of nginx, from its log."""

    path: str
    range: str
    """`-` for a request of the whole file."""
    status: int
    size: int
    """Bytes of the body."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Nginx:
    """A running server."""

    url: str
    folder: Path
    process: subprocess.Popen

    def stop(self):
        """Let it end its responses and stop."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(20)

    def sent(self):
        """Stop, and return every response: nginx writes a line to its log after the client has the last byte."""
        self.stop()
        lines = (self.folder / "access.log").read_text(encoding="utf-8").splitlines()
        fields = [line.rsplit("|", 3) for line in lines]
        return [Sent(path=path, range=asked, status=int(code), size=int(size)) for path, asked, code, size in fields]


@contextmanager
def serving_folder(root, folder, rate="0") -> Iterator[Nginx]:
    """Serve `root`, with at most `rate` bytes a second for each connection (0: no limit)."""
    port = free_port()
    with _running(folder, _ORIGIN.format(port=port, root=root, rate=rate), port) as server:
        yield server


@contextmanager
def pull_through(origin, folder, certificates=None) -> Iterator[Nginx]:
    """Run the recipe in front of the server `origin`."""
    port = free_port()
    site = recipe(origin, folder / "pieces", f"127.0.0.1:{port}")
    if certificates:
        site = replaced(site, "/etc/ssl/certs/ca-certificates.crt", str(certificates))
    with _running(folder, site, port) as server:
        yield server


def recipe(origin, pieces, address):
    """Return the recipe with values of its own."""
    site = RECIPE.read_text(encoding="utf-8")
    site = replaced(site, "/var/cache/pull-through", str(pieces))
    site = replaced(site, "set $origin https://models.example.org;", f"set $origin {origin};")
    return replaced(site, "listen 80;", f"listen {address};")


def replaced(text, old, new):
    """Replace what occurs once."""
    assert text.count(old) == 1, old
    return text.replace(old, new)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextmanager
def _running(folder, site, port):
    require_nginx()
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "nginx.conf"
    user = "user root;\n" if os.geteuid() == 0 else ""
    configuration.write_text(user + _MAIN.format(folder=folder, site=site), encoding="utf-8")
    command = [shutil.which("nginx", path=_PATH), "-c", configuration, "-e", folder / "error.log"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            _wait_for(port, process, folder)
            yield Nginx(url=f"http://127.0.0.1:{port}", folder=folder, process=process)
        finally:
            process.terminate()


def _wait_for(port, process, folder):
    deadline = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as client:
            if not client.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.02)
    pytest.fail(f"nginx does not run: {(folder / 'error.log').read_text(encoding='utf-8')}")
