"""What systemd passes to a service: a socket that listens already, and an address to report readiness to.

Connections to the socket wait while the service restarts. Both protocols take a few lines, without a library:
https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html
https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

import os
import socket
from collections.abc import MutableMapping
from dataclasses import dataclass, replace
from typing import Final

from diarize_runner.errors import UsageError
from diarize_runner.service.settings import Settings

_FIRST_DESCRIPTOR: Final = 3
"""SD_LISTEN_FDS_START."""
_FAMILIES: Final = (socket.AF_INET, socket.AF_INET6)


@dataclass(frozen=True, kw_only=True, slots=True)
class Systemd:
    """What systemd passed to this process; nothing by default."""

    listener: socket.socket | None = None
    """A TCP socket that listens."""
    notify_address: str = ""
    """Of a datagram socket: a path, or `@` and an abstract name."""

    @classmethod
    def take(cls, environ: MutableMapping[str, str]) -> "Systemd":
        """Return what the environment describes, and remove it there, so that no child process inherits it.

        Raises:
            UsageError: it describes several sockets, or one that is not TCP.
        """
        pid, count = environ.pop("LISTEN_PID", ""), environ.pop("LISTEN_FDS", "0")
        environ.pop("LISTEN_FDNAMES", None)
        notify_address = environ.pop("NOTIFY_SOCKET", "")
        if pid != str(os.getpid()) or count == "0":
            return cls(notify_address=notify_address)
        if count != "1":
            raise UsageError(f"systemd passes {count} sockets", hint="give the .socket unit one ListenStream=")
        return cls(listener=_listener(_FIRST_DESCRIPTOR), notify_address=notify_address)

    def at_address(self, settings: Settings) -> Settings:
        """Return the settings with the address of the socket, which decides whether keys are required."""
        if self.listener is None:
            return settings
        host, port = self.listener.getsockname()[:2]
        return replace(settings, host=host, port=port)

    def notify_ready(self) -> None:
        """Tell systemd that the service takes requests, if it wants to know."""
        if not self.notify_address:
            return
        is_abstract = self.notify_address.startswith("@")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"READY=1", f"\0{self.notify_address[1:]}" if is_abstract else self.notify_address)


NO_SYSTEMD: Final = Systemd()


def _listener(descriptor: int) -> socket.socket:
    hint = "give the .socket unit one ListenStream= with an address and a port"
    try:
        listener = socket.socket(fileno=descriptor)
    except OSError as reason:
        raise UsageError(f"descriptor {descriptor}, of systemd, is no socket", hint=hint) from reason
    if listener.family not in _FAMILIES or listener.type != socket.SOCK_STREAM:
        raise UsageError("systemd passes a socket that is not TCP", hint=hint)
    listener.set_inheritable(False)
    return listener
