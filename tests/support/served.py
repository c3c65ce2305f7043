"""`diarize-runner serve` as a process of its own, with a model process and a catalog that need no models."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock
from urllib.error import URLError

from support import fake_models
from support.command import ROOT
from support.services import CATALOG

from diarize_runner.cli import main as command
from diarize_runner.service import server
from diarize_runner.service.keys import add_key
from diarize_runner.service.workers.models import Models

START_SECONDS = 60
STOP_SECONDS = 20


class FakeCatalog:
    """In place of the catalog of a cache."""

    @staticmethod
    def of(_cache, default=None):
        return replace(CATALOG, default=CATALOG.choose(default))


@dataclass(frozen=True, kw_only=True)
class Served:
    """A server on this machine."""

    process: subprocess.Popen
    port: int
    key: str
    """Empty: everyone on this machine may use it."""
    log: Path

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def headers(self):
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    def get(self, path):
        """Return the JSON document of a path."""
        with urllib.request.urlopen(
            urllib.request.Request(self.url + path, headers=self.headers), timeout=30
        ) as answer:
            return json.load(answer)

    def children(self):
        """Return the ids of its child processes, of any thread."""
        return tasks_children(self.process.pid)

    def stop(self):
        """Stop it as a supervisor does; return its exit code and the ids of its processes that are left."""
        children = self.children()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(STOP_SECONDS)
        return code, [pid for pid in children if is_running(pid)]


def served(folder, **environment):
    """Return a context manager as `started` does; its server has a key."""
    key = add_key(folder / "keys.json", "client")
    return started(folder, key, "--keys", folder / "keys.json", **environment)


@contextmanager
def started(folder, key, *options, **environment):
    """Yield a server whose files are in `folder`; assert that it stops by itself and leaves no process."""
    port, log = free_port(), folder / "log"
    arguments = ["--port", port, "--folder", folder / "service", *options]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "support.served", "serve", *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]), **environment},
            stdout=output,
            stderr=output,
        )
    server = Served(process=process, port=port, key=key, log=log)
    try:
        wait_until_ready(server)
        yield server
        code, left = server.stop()
        assert (code, left) == (0, []), log.read_text()
    finally:
        process.kill()
        process.wait()


def wait_until_ready(server):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            server.get("/readyz")
        except (URLError, ConnectionError):
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"the server does not start: {server.log.read_text()}")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def tasks_children(pid):
    threads = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for thread in threads for child in (thread / "children").read_text().split()]


def is_running(pid):
    """Return whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def main():
    """Run the command with everything real but the models and the cache."""
    with mock.patch.multiple(
        server, open_cache=lambda *_: None, Catalog=FakeCatalog, Models=lambda: Models(fake_models.program)
    ):
        return command()


if __name__ == "__main__":
    sys.exit(main())
