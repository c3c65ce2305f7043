"""A store that holds one object, and the server between it and its reader."""

from collections.abc import Callable
from dataclasses import dataclass

from support.buckets import QUICK
from support.caches import noise
from support.web import WebServer

DATA = noise(3 << 20)
KEY = "v1.0/object"


@dataclass(frozen=True, kw_only=True)
class Line:
    """A store that holds one object, and the server it is read by, which fails when it is told to."""

    open: Callable
    server: WebServer

    @property
    def store(self):
        return self.open(QUICK)

    @property
    def ranges(self):
        """The ranges that were asked for."""
        return [request.headers["Range"] for request in self.server.requests if "Range" in request.headers]

    def fails(self, *faults, times=1):
        """Meet the next reads with `faults`."""
        self.server.fails(*faults, times=times, when=lambda request: request.method == "GET")
