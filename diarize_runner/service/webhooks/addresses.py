"""The addresses of a host that may get requests, without those that lead inside the network of this machine."""

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from diarize_runner.errors import UsageError

Resolver = Callable[[str, int], Sequence[str]]
"""Returns the addresses of a host and port as text; raises OSError if there are none."""

_MOST: Final = 4
_UNICAST: Final = ip_network("2000::/3")
"""The addresses of IPv6 that reach across the internet."""
_PRIVATE: Final = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")))
"""Those of a company's network; not loopback or link-local, where a machine's own services are."""
_METADATA: Final = tuple(
    map(ip_address, ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"))
)
"""Where clouds tell a machine its credentials: AWS and others, AWS by IPv6, Alibaba, Azure, Oracle."""


def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host, as the system resolves it. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def checked_addresses(host: str, port: int, resolver: Resolver, *, is_private: bool) -> tuple[str, ...]:
    """Return the addresses of a host, at most four.

    Raises:
        UsageError: one of them is not allowed; that of a company's network is if `is_private` says so.
        OSError: the host has none.
    """
    found = tuple(dict.fromkeys(resolver(host, port)))[:_MOST]
    if refused := [each for each in found if not _is_allowed(each, is_private=is_private)]:
        hint = 'a host inside the network needs "private": true in the webhooks file'
        raise UsageError(f"{host} has the address {refused[0]}, which may get no requests", hint=hint)
    if not found:
        raise OSError(f"{host} has no address")
    return found


def _is_allowed(text: str, *, is_private: bool) -> bool:
    try:
        address = ip_address(text)  # refuses nothing that connect(2) takes but zones, such as fe80::1%eth0
    except ValueError:
        return False
    if address in _METADATA:
        return False
    if is_private and any(address in network for network in _PRIVATE if network.version == address.version):
        return True
    return _is_public(address)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is public, and embeds no IPv4 address that would escape the check."""
    if address.is_multicast or address.is_reserved or not address.is_global:
        return False
    if isinstance(address, IPv4Address):
        return True
    return address in _UNICAST and address.sixtofour is None and address.teredo is None
