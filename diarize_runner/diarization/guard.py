"""Refuse network connections while a model loads and runs.

Some libraries ignore the environment variables that disable their network access (transformers #44843, vLLM #39039). An
audit hook sees each connection that Python code makes, and refuses those of the guarded block and of threads started in
it (scope.py). Other threads of the process are not affected. The hook does not see sockets that native code opens; the
network namespace of the systemd unit or of the test blocks those.

Our own processes need no network otherwise, so there the guard covers every thread (`process_offline`).
"""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from diarize_runner.diarization.scope import in_scope, scope
from diarize_runner.errors import OfflineViolation

_CONNECTION_EVENTS = {
    "socket.connect",
    "socket.getaddrinfo",
    "socket.gethostbyaddr",
    "socket.gethostbyname",
    "socket.getnameinfo",
    "socket.sendmsg",
    "socket.sendto",
}
_process_guards = 0
"""Number of open `process_offline` blocks."""


@contextmanager
def offline() -> Iterator[None]:
    """Refuse connections, except to Unix sockets, from this block and the threads it starts.

    Raises:
        OfflineViolation: from the call that tries to connect.
    """
    _install()
    with scope():
        yield


@contextmanager
def process_offline() -> Iterator[None]:
    """Refuse the connections of every thread for the block; use it only in our own processes.

    Raises:
        OfflineViolation: from the call that tries to connect.
    """
    global _process_guards  # noqa: PLW0603  # a counter for the whole process
    _install()
    _process_guards += 1
    try:
        yield
    finally:
        _process_guards -= 1


@cache
def _install() -> None:
    sys.addaudithook(_hook)  # once per process: audit hooks cannot be removed


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event not in _CONNECTION_EVENTS or not (_process_guards or in_scope()):
        return
    subject = arguments[0]
    if isinstance(subject, socket.socket) and subject.family == socket.AF_UNIX:
        return
    target = arguments[1] if isinstance(subject, socket.socket) else subject
    raise OfflineViolation(
        f"a library tried to reach {target} while offline ({event})", hint="report this as a bug: no network is needed"
    )
