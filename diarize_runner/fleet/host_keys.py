"""Read host keys from the boxes' consoles, so that ssh can verify each box on the first connection.

`user_data` prints the public host keys to the serial console at first boot, before anything else, and cloud-init prints
them again at its end. AWS returns the console over TLS to authorized users.
"""

import base64
import binascii
import re
import time
from collections.abc import Iterator, Mapping, Sequence

from diarize_runner.errors import FleetError
from diarize_runner.fleet.aws import Aws
from diarize_runner.fleet.boxes import Box
from diarize_runner.fleet.poll_policy import PollPolicy
from diarize_runner.progress import Progress

BEGIN, END = "-----BEGIN SSH HOST KEY KEYS-----", "-----END SSH HOST KEY KEYS-----"
"""The markers of cloud-init."""
_BLOCK = re.compile(f"{re.escape(BEGIN)}(.*?){re.escape(END)}", re.DOTALL)
_KEY = re.compile(r"^((?:ssh|ecdsa)-[a-z0-9-]+) ([A-Za-z0-9+/]+=*)(?: |\r?$)", re.MULTILINE)
_LENGTH = 4
"""Bytes of the length field that precedes the key type in every key (RFC 4253, section 6.6)."""


def known_hosts(aws: Aws, boxes: Sequence[Box], policy: PollPolicy, progress: Progress) -> str:
    """Return the host keys of all `boxes` as lines of a known_hosts file, by id and by address.

    Waits until each console shows keys; raises FleetError when one does not in time.
    """
    found: dict[str, Sequence[str]] = {}
    for attempt in range(policy.attempts):
        time.sleep(policy.interval if attempt else 0)
        found |= {box.id: keys for box in boxes if box.id not in found and (keys := _console_keys(aws, box))}
        progress.advance("host keys shown", completed=len(found), total=len(boxes))
        if len(found) == len(boxes):
            return "".join(_lines(boxes, found))
    missing = ", ".join(box.id for box in boxes if box.id not in found)
    message = f"no host keys on the console after {policy.interval * policy.attempts / 60:.0f} min: {missing}"
    raise FleetError(
        message, hint="use an image with cloud-init, and a Nitro instance type: others show no latest console"
    )


def host_keys(console: str) -> Sequence[str]:
    """Return the keys in the last complete block of a console, without lines that other output has broken."""
    blocks = _BLOCK.findall(console)
    if not blocks:
        return ()
    return [f"{kind} {key}" for kind, key in _KEY.findall(blocks[-1]) if _is_key(kind, key)]


def _console_keys(aws: Aws, box: Box) -> Sequence[str]:
    return host_keys(aws.call("ec2", "get_console_output", InstanceId=box.id, Latest=True).get("Output", ""))


def _is_key(kind: str, key: str) -> bool:
    try:
        blob = base64.b64decode(key, validate=True)
    except binascii.Error:
        return False
    name = kind.encode()
    return blob.startswith(len(name).to_bytes(_LENGTH, "big") + name)


def _lines(boxes: Sequence[Box], keys: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for box in boxes:
        names = ",".join(filter(None, (box.id, box.public_address, box.private_address)))
        yield from (f"{names} {key}\n" for key in keys[box.id])
