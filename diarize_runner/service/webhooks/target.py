"""Where a request goes: a URL of https on a host that the administrator allows."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from diarize_runner.errors import UsageError
from diarize_runner.service.webhooks.allowed import HTTPS, AllowedHost, Webhooks

LONGEST_URL: Final = 2000


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A checked URL, in parts: nothing parses it again."""

    host: AllowedHost
    path: str
    """With the query."""

    @classmethod
    def parse(cls, url: str, webhooks: Webhooks) -> "Target":
        """Check a URL.

        Raises:
            UsageError: it is no URL of https, has a user or a password, or its host is not allowed.
        """
        if not webhooks.hosts:
            raise UsageError("this server sends no webhooks", hint="leave webhook_url out, and ask for the job")
        parts, port = _split(url)
        if parts.username is not None or parts.password is not None:
            raise UsageError("webhook_url has a user or a password", hint="leave them out: requests are signed")
        host = webhooks.find((parts.hostname or "").lower(), port)
        if host is None:
            hint = "ask the administrator of this server to allow its host and port"
            raise UsageError("the host of webhook_url is not allowed", hint=hint)
        return cls(host=host, path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def _split(url: str) -> tuple[SplitResult, int]:
    """Return the parts and the port; a URL that other programs might read otherwise is none."""
    hint = "write https://HOST/PATH, with every other character percent-encoded"
    if not url.isascii() or not url.isprintable() or len(url) > LONGEST_URL or set(url) & set(' \\"<>^`{|}'):
        raise UsageError("webhook_url is not a URL", hint=hint)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as reason:
        raise UsageError("webhook_url is not a URL", hint=hint) from reason
    if parts.scheme != "https":
        raise UsageError("webhook_url is not a URL of https", hint=hint)
    return parts, HTTPS if port is None else port
