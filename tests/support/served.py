"""`diarize-runner serve` in a process of its own, with transcription models in its catalog and a key for its client.

python -m support.served OPTIONS     as `diarize-runner serve OPTIONS`
"""

import json
import sys
import urllib.request
from contextlib import contextmanager
from dataclasses import replace
from unittest import mock

from support import fake_models
from support.service_process import LONGEST_WAIT, ServiceProcess, children_of, is_running
from support.services import CATALOG

from diarize_runner.cli import main as command
from diarize_runner.service import server
from diarize_runner.service.keys import add_key
from diarize_runner.service.workers.models import Models


class FakeCatalog:
    """In place of the catalog of a cache."""

    @staticmethod
    def of(_cache, default=None):
        return replace(CATALOG, default=CATALOG.choose(default))


class Served(ServiceProcess):
    """A server on this machine, and the key of its client."""

    MODULE = "support.served"

    def __init__(self, folder, key, *options, **environment):
        """`key` is empty for a server that everyone on this machine may use."""
        super().__init__(folder / "service", *options, **environment)
        self.folder, self.key = folder, key

    @property
    def headers(self):
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    def get(self, path):
        """Return the JSON document of a path."""
        request = urllib.request.Request(self.url + path, headers=self.headers)
        with urllib.request.urlopen(request, timeout=LONGEST_WAIT) as answer:
            return json.load(answer)

    def stop(self):
        """Stop it as a supervisor does; return its exit code and the ids of its processes that are left."""
        children = children_of(self.process.pid)
        return self.terminate(), [child for child in children if is_running(child)]


def served(folder, **environment):
    """Return a context manager as `started` does; its server has a key."""
    key = add_key(folder / "keys.json", "client")
    return started(folder, key, "--keys", str(folder / "keys.json"), **environment)


@contextmanager
def started(folder, key, *options, **environment):
    """Yield a server whose files are in `folder`; assert that it stops by itself and leaves no process."""
    server = Served(folder, key, *options, **environment)
    try:
        yield server.wait_until_ready()
        assert server.stop() == (0, []), server.log
    finally:
        server.kill()


def main(words):
    """Serve with everything real but the models and the cache."""
    with mock.patch.multiple(
        server, open_cache=lambda *_: None, Catalog=FakeCatalog, Models=lambda: Models(fake_models.program)
    ):
        return command(["serve", *words])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
