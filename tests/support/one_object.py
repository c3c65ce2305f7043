"""A store with one object, read through a server that can fail."""

from collections.abc import Callable
from dataclasses import dataclass

from support.buckets import QUICK
from support.caches import noise
from support.web import WebServer

DATA = noise(3 << 20)
KEY = "v1.0/object"


@dataclass(frozen=True, kw_only=True)
class OneObjectStore:
    """A store with one object, and the server that it is read through."""

    open: Callable
    server: WebServer

    @property
    def store(self):
        return self.open(QUICK)

    @property
    def ranges(self):
        """Return the requested ranges."""
        return [request.headers["Range"] for request in self.server.requests if "Range" in request.headers]

    def fails(self, *faults, times=1):
        """Respond to the next GET requests with `faults`."""
        self.server.fails(*faults, times=times, when=lambda request: request.method == "GET")
