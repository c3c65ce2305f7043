"""The keys that boxes show on their consoles, so that ssh knows each from whoever answers at its address.

A box writes its public host keys to its serial console, before it runs anything else: `user_data` sees to that at its
first boot, and cloud-init does it once more when that has ended. AWS hands the console out over TLS, to who may ask.
"""

import base64
import binascii
import re
import time
from collections.abc import Iterator, Mapping, Sequence

from diarize_runner.errors import FleetError
from diarize_runner.fleet.aws import Aws
from diarize_runner.fleet.boxes import Box
from diarize_runner.fleet.pace import Pace
from diarize_runner.progress import Progress

BEGIN, END = "-----BEGIN SSH HOST KEY KEYS-----", "-----END SSH HOST KEY KEYS-----"
"""What cloud-init writes around them."""
_BLOCK = re.compile(f"{re.escape(BEGIN)}(.*?){re.escape(END)}", re.DOTALL)
_KEY = re.compile(r"^((?:ssh|ecdsa)-[a-z0-9-]+) ([A-Za-z0-9+/]+=*)(?: |\r?$)", re.MULTILINE)
_LENGTH = 4
"""Bytes that say how long the name of a key's kind is, which every key begins with (RFC 4253, section 6.6)."""


def known_hosts(aws: Aws, boxes: Sequence[Box], pace: Pace, progress: Progress) -> str:
    """Return the host keys of all `boxes` as lines of a known_hosts file, by id and by address.

    Waits for boxes whose consoles show none yet; raises FleetError when one never does.
    """
    found: dict[str, Sequence[str]] = {}
    for again in range(pace.looks):
        time.sleep(pace.pause if again else 0)
        found |= {box.id: keys for box in boxes if box.id not in found and (keys := _shown(aws, box))}
        progress.advance("host keys shown", completed=len(found), total=len(boxes))
        if len(found) == len(boxes):
            return "".join(_lines(boxes, found))
    lacking = ", ".join(box.id for box in boxes if box.id not in found)
    message = f"no host keys on the console after {pace.pause * pace.looks / 60:.0f} min: {lacking}"
    hint = "an image without cloud-init shows none, and the latest console is only to be had of Nitro instances"
    raise FleetError(message, hint=hint)


def host_keys(console: str) -> Sequence[str]:
    """Return the keys in the last whole block that a console shows, but for those that other output has run into."""
    blocks = _BLOCK.findall(console)
    if not blocks:
        return ()
    return [f"{kind} {key}" for kind, key in _KEY.findall(blocks[-1]) if _is_key(kind, key)]


def _shown(aws: Aws, box: Box) -> Sequence[str]:
    return host_keys(aws.ask("ec2", "get_console_output", InstanceId=box.id, Latest=True).get("Output", ""))


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
