"""A network namespace at the end of a link with a limited rate, for a server: needs root, ip and tc."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

_HERE, _THERE, _PORT = "198.18.213.1", "198.18.213.2", 8080
"""Of the block for benchmarks: https://www.rfc-editor.org/rfc/rfc2544 (appendix C.2.2)."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a server runs."""

    address: tuple[str, int] | None = None
    """None: a free port of loopback."""
    prefix: Sequence[str] = ()
    """The command that runs a program there."""


@contextmanager
def behind_link(megabits: int) -> Iterator[Place]:
    """Yield a place whose programs send at most `megabits` Mbit/s to this machine, all together."""
    name = f"many-{os.getpid()}"
    inside = ("ip", "netns", "exec", name)
    _run("ip", "netns", "add", name)
    try:
        _run("ip", "link", "add", "many-here", "type", "veth", "peer", "name", "many-there", "netns", name)
        for prefix, device, address in (((), "many-here", _HERE), (inside, "many-there", _THERE)):
            _run(*prefix, "ip", "address", "add", f"{address}/30", "dev", device)
            _run(*prefix, "ip", "link", "set", device, "up")
        shaped = ("rate", f"{megabits}mbit", "burst", "256k", "latency", "50ms")
        _run(*inside, "tc", "qdisc", "add", "dev", "many-there", "root", "tbf", *shaped)
        yield Place(address=(_THERE, _PORT), prefix=inside)
    finally:
        _run("ip", "netns", "delete", name)  # and both ends of the link


def _run(*command: str) -> None:
    subprocess.run(command, check=True)  # noqa: S603
