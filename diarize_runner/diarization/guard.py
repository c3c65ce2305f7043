"""While a model loads and runs, no socket leaves this process.

Environment variables ask libraries to stay offline; some have not (transformers #44843, vLLM #39039). An audit hook
sees every connection Python makes, whichever library makes it, and refuses it. Native code that opens
sockets by itself is beyond it: the network namespace of the unit, or of the test, is the outer wall.
"""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

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
_installed = False
_up = 0


@contextmanager
def offline() -> Iterator[None]:
    """Refuse every connection but Unix sockets until the block ends.

    Raises:
        OfflineViolation: at the place that tried.
    """
    global _up  # noqa: PLW0603  # an audit hook can be added, never removed
    _install()
    _up += 1
    try:
        yield
    finally:
        _up -= 1


def _install() -> None:
    global _installed  # noqa: PLW0603  # once per process
    if not _installed:
        sys.addaudithook(_hook)
        _installed = True


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if not _up or event not in _REFUSED:
        return
    subject = arguments[0]
    if isinstance(subject, socket.socket) and subject.family == socket.AF_UNIX:
        return
    target = arguments[1] if isinstance(subject, socket.socket) else subject
    raise OfflineViolation(
        f"something tried to reach {target} while offline ({event})", hint="report it: nothing here may need a network"
    )
