"""Check whether this machine can run test hosts."""

import os
import shutil
import subprocess
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest

INSTANCES, ENOUGH = Path("/proc/sys/fs/inotify/max_user_instances"), 512
COMMANDS = ("mmdebstrap", "systemd-nspawn", "nft", "ip", "ssh", "unshare")


def require_hosts():
    """Skip the test where hosts cannot run; fail it if DIARIZE_RUNNER_REQUIRE_HOSTS is 1."""
    if reason := _missing():
        unavailable(reason)


def unavailable(reason):
    """Skip the test; fail it if DIARIZE_RUNNER_REQUIRE_HOSTS is 1."""
    if os.environ.get("DIARIZE_RUNNER_REQUIRE_HOSTS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@cache
def _missing():
    if os.geteuid() != 0:
        return "only root can start a host"
    if missing := [command for command in COMMANDS if not shutil.which(command)]:
        return f"{', '.join(missing)} not found: run scripts/install-test-packages.sh"
    if not Path("/proc/net/if_inet6").exists():
        return "this machine has no IPv6, so IPv6 packets of a host could not be counted"
    namespaces = ["unshare", "--mount", "--net", "--pid", "--fork", "true"]
    if subprocess.run(namespaces, capture_output=True, check=False).returncode:
        return "this machine does not allow namespaces, not even to root"
    _raise_inotify_limit()
    return ""


def _raise_inotify_limit():
    """Allow 30 hosts at once, until the next boot: the systemd of each takes 9 of root's 128 inotify instances."""
    if int(INSTANCES.read_text()) < ENOUGH:
        with suppress(OSError):  # read-only in a container, where the default suffices for a few hosts
            INSTANCES.write_text(str(ENOUGH))
