"""The file of `serve --webhooks`: the secret that signs requests, and the hosts that may get them.

{"secret": "whsec_<base64 of 24 to 64 random bytes>",
"hosts": [{"host": "hooks.example.com"}, {"host": "hooks.corp.example", "port": 8443, "private": true}]}
"""

import base64
import binascii
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from diarize_runner.cache.documents.canonical import parse
from diarize_runner.cache.documents.fields import Node
from diarize_runner.service.guarded_file import OTHERS_USE, GuardedFile

HTTPS: Final = 443
_PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = range(24, 65)
_HOST: Final = r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
_LAST_PORT: Final = 65535
_FILE: Final = GuardedFile(
    content="webhooks",
    kind="webhooks",
    missing_hint="name a file that the user of the service can read, as docs/service-operations.md describes it",
    owner_threat="allow a host",
    refused_mode=OTHERS_USE,
    mode_error="other users can use {path}, which holds a secret",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class AllowedHost:
    """A host that may get requests."""

    name: str
    port: int = HTTPS
    is_private: bool = False
    """Whether its address may be one of the company's network."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Webhooks:
    """What the file allows."""

    secret: str = field(default="", repr=False)
    hosts: tuple[AllowedHost, ...] = ()

    def find(self, name: str, port: int) -> AllowedHost | None:
        """Return the host of this name and port if it is allowed."""
        return next((host for host in self.hosts if (host.name, host.port) == (name, port)), None)

    @classmethod
    def load(cls, path: Path) -> "Webhooks":
        """Read a file.

        Raises:
            UsageError: it cannot be read, or other users can read or change it.
            ManifestError: it is malformed.
        """
        fields = parse(_FILE.read(path), str(path)).fields(["secret", "hosts"])
        return cls(secret=_secret(fields["secret"]), hosts=tuple(_host(each) for each in fields["hosts"].items()))


NO_WEBHOOKS: Final = Webhooks()


def _secret(node: Node) -> str:
    """Return the secret; the message of an error must not quote it."""
    text = node.text()
    try:
        size = len(base64.b64decode(text.removeprefix(_PREFIX), validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if not text.startswith(_PREFIX) or size not in _SECRET_BYTES:
        hint = 'make one: echo "whsec_$(openssl rand -base64 32)"'
        raise node.error("not whsec_ and the base64 of 24 to 64 random bytes", hint=hint)
    return text


def _host(node: Node) -> AllowedHost:
    fields = node.fields(["host"], optional=["port", "private"])
    port = fields["port"].count() if "port" in fields else HTTPS
    if not 1 <= port <= _LAST_PORT:
        raise fields["port"].error(f"{port} is not a port", hint="give a number from 1 to 65535, or leave it out")
    return AllowedHost(
        name=fields["host"].matching(_HOST, "a host name in lower case, without scheme and port"),
        port=port,
        is_private=fields["private"].flag() if "private" in fields else False,
    )
