"""While a model loads and runs, the code that does it reaches no network.

Environment variables ask libraries to stay offline; some have not (transformers #44843, vLLM #39039). An audit hook
sees every connection Python makes, whichever library makes it, and refuses those of the guarded block and of the
threads that start in it (scope.py). Other threads of the process go on as they were. Native code that opens sockets by
itself is beyond it: the network namespace of the unit, or of the test, is the outer wall.

A process of ours has nothing else to do with the network, so there it holds for every thread (`process_offline`).
"""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from diarize_runner.diarization.scope import in_scope, scope
from diarize_runner.errors import OfflineViolation

_REFUSED = {
    "socket.connect",
    "socket.getaddrinfo",
    "socket.gethostbyaddr",
    "socket.gethostbyname",
    "socket.getnameinfo",
    "socket.sendmsg",
    "socket.sendto",
}
_processes = 0
"""How many blocks of `process_offline` are open."""


@contextmanager
def offline() -> Iterator[None]:
    """Refuse every connection but Unix sockets until the block ends.

    Raises:
        OfflineViolation: at the place that tried.
    """
    _install()
    with scope():
        yield


@contextmanager
def process_offline() -> Iterator[None]:
    """Refuse the connections of every thread until the block ends, in a process that is ours.

    Raises:
        OfflineViolation: at the place that tried.
    """
    global _processes  # noqa: PLW0603  # it is of the process, as its name says
    _install()
    _processes += 1
    try:
        yield
    finally:
        _processes -= 1


@cache
def _install() -> None:
    sys.addaudithook(_hook)  # once per process: no hook can be removed


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event not in _REFUSED or not (_processes or in_scope()):
        return
    subject = arguments[0]
    if isinstance(subject, socket.socket) and subject.family == socket.AF_UNIX:
        return
    target = arguments[1] if isinstance(subject, socket.socket) else subject
    raise OfflineViolation(
        f"something tried to reach {target} while offline ({event})", hint="report it: nothing here may need a network"
    )
