"""Requests of other sites, which a browser on this machine sends: refuse them where there are no keys.

A page that a user of this machine visits can send requests to 127.0.0.1. It cannot read the responses, unless its host
name resolves to 127.0.0.1 (DNS rebinding); then `Host` is that name. With keys, neither works: the page has no key.
"""

import ipaddress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from diarize_runner.service.settings import is_loopback
from diarize_runner.service.web.problems import CROSS_SITE, MISDIRECTED, Problem

SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")
_LOCAL_HOSTS: Final = ("localhost", "127.0.0.1", "::1")
_USE_A_KEY = "serve with a key file (diarize-runner service-key add NAME --keys FILE), and send a key"


@dataclass(frozen=True, kw_only=True, slots=True)
class SameSite:
    """Accepts requests of programs, and of pages that this service serves itself."""

    bound_host: str

    def require(self, scope: Scope) -> None:
        """Raise Problem if the request is for another host, or comes from another site."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if len(headers.getlist("host")) != 1 or not self._is_ours(_host_name(host)):
            hint = f"use http://localhost or http://127.0.0.1; or {_USE_A_KEY}"
            raise Problem(MISDIRECTED, "without keys, only this machine's own names are served", hint=hint)
        if _is_cross_site(scope["method"], headers, host):
            raise Problem(CROSS_SITE, "without keys, requests of other sites' pages are refused", hint=_USE_A_KEY)

    def _is_ours(self, name: str) -> bool:
        if name in (*_LOCAL_HOSTS, self.bound_host.strip("[]").lower()):
            return True
        # Serving other machines without keys: no site of the internet has an address, or a name without a dot, as
        # its host name.
        return not is_loopback(self.bound_host) and (_is_address(name) or (name != "" and "." not in name))


def _is_cross_site(method: str, headers: Headers, host: str) -> bool:
    site, mode = headers.get("sec-fetch-site", ""), headers.get("sec-fetch-mode", "")
    if site.lower() == "cross-site" and not (method in SAFE_METHODS and mode.lower() == "navigate"):
        return True
    origins = headers.getlist("origin")
    return method not in SAFE_METHODS and any(_network_location(origin) != host.lower() for origin in origins)


def _network_location(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None


def _host_name(host: str) -> str:
    """Return the name of a `Host` header, without port and brackets; empty if it is malformed."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return ""
    is_plain = parts.netloc == host and "@" not in host
    return (parts.hostname or "") if is_plain else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
