"""What a box does when it first boots: fetch the bootstrap of a store, and run it."""

from shlex import quote

from diarize_runner.errors import UsageError
from diarize_runner.fleet.host_keys import BEGIN, END
from diarize_runner.store.address import parse_address

_SCRIPT = """\
#!/bin/bash
# Without pipefail, a bootstrap that cannot be fetched would look like one that ran.
set -euo pipefail
# For launch_box.py host-keys; cloud-init itself shows them when this script has ended.
printf '%s\\n' {begin} "$(cat /etc/ssh/ssh_host_*_key.pub 2>/dev/null)" {end} >/dev/console || true
{fetch} | bash -s -- --store {store}
"""
# A redirect may not lead away from TLS: what comes is run as root.
_FETCH = {"https": "curl -fsSL --proto =https --retry 5 {source}", "s3": "aws s3 cp --only-show-errors {source} -"}


def user_data(store: str) -> str:
    """Return the script that cloud-init runs as root; raise UsageError when a box cannot fetch from `store`."""
    scheme = parse_address(store).scheme
    if scheme not in _FETCH:
        hint = "a box takes it from s3://bucket/prefix, by its role, or from https://host/prefix"
        raise UsageError(f"a box would not fetch a script that it runs as root from {store}", hint=hint)
    store = store.rstrip("/")
    fetch = _FETCH[scheme].format(source=quote(f"{store}/latest/bootstrap.sh"))
    return _SCRIPT.format(fetch=fetch, store=quote(store), begin=quote(BEGIN), end=quote(END))
