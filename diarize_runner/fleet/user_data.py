"""The first-boot script of a box, which fetches the bootstrap script from a store and runs it."""

from shlex import quote

from diarize_runner.errors import UsageError
from diarize_runner.fleet.host_keys import BEGIN, END
from diarize_runner.store.address import parse_address

_SCRIPT = """\
#!/bin/bash
# pipefail: a failed download must not look like a successful run.
set -euo pipefail
# For launch_box.py host-keys; cloud-init prints them only after this script.
printf '%s\\n' {begin} "$(cat /etc/ssh/ssh_host_*_key.pub 2>/dev/null)" {end} >/dev/console || true
{fetch} | bash -s -- --store {store}
"""
# --proto also limits redirects to TLS, because root runs the script.
_FETCH = {"https": "curl -fsSL --proto =https --retry 5 {source}", "s3": "aws s3 cp --only-show-errors {source} -"}


def user_data(store: str) -> str:
    """Return the script that cloud-init runs as root; raise UsageError when a box cannot fetch from `store`."""
    scheme = parse_address(store).scheme
    if scheme not in _FETCH:
        hint = "use s3://bucket/prefix, which the box reads with its role, or https://host/prefix"
        raise UsageError(f"boxes fetch their bootstrap script only from S3 or over HTTPS, not from {store}", hint=hint)
    store = store.rstrip("/")
    fetch = _FETCH[scheme].format(source=quote(f"{store}/latest/bootstrap.sh"))
    return _SCRIPT.format(fetch=fetch, store=quote(store), begin=quote(BEGIN), end=quote(END))
