"""The part of `ray` that `batch.on_ray.cluster` uses. It records how it was called."""

import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace


class RayError(Exception):
    pass


class FakeRay:
    """A cluster of `nodes`, as `ray.nodes()` lists them."""

    def __init__(self, nodes=(), refusal=None):
        self.listed, self.refusal = list(nodes), refusal
        self.exceptions = SimpleNamespace(RayError=RayError)
        self.connections, self.options, self.submitted, self.results, self.is_shut_down = [], {}, [], {}, False

    def install(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "ray", self)
        return self

    def init(self, address, **settings):
        """Replace the handler of SIGTERM, as Ray does."""
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        environment = {name: value for name, value in os.environ.items() if name.startswith("RAY_")}
        self.connections.append(
            SimpleNamespace(address=address, settings=settings, folder=Path.cwd(), environment=environment)
        )
        if self.refusal:
            raise self.refusal

    def shutdown(self):
        self.is_shut_down = True

    def nodes(self):
        return self.listed

    def cluster_resources(self):
        found = {}
        for node in self.listed:
            for name, amount in node["Resources"].items() if node["Alive"] else ():
                found[name] = found.get(name, 0) + amount
        return found

    def remote(self, **options):
        self.options = options
        return lambda function: SimpleNamespace(options=lambda **more: self._task(function, more))

    def _task(self, function, options):
        def submit(*arguments):
            self.submitted.append((function, options, arguments))
            return f"task {len(self.submitted)}"

        return SimpleNamespace(remote=submit)

    def wait(self, tasks, *, num_returns, timeout):
        ready = [task for task in tasks if task in self.results][:num_returns]
        return ready, [task for task in tasks if task not in ready]

    def get(self, task):
        if isinstance(self.results[task], Exception):
            raise self.results[task]
        return self.results[task]

    def cancel(self, task):
        self.results[task] = RayError("cancelled")


def node(name, alive=True, **resources):  # noqa: FBT002  # as Ray lists it
    """Return a node."""
    return {"NodeID": name, "Alive": alive, "Resources": {**resources, "memory": 5e9}}
