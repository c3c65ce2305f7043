"""Whether this machine can run hosts, and what it lacks if not."""

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
    """Skip the test where hosts cannot run; fail it where DIARIZE_RUNNER_REQUIRE_HOSTS says they have to."""
    if lack := _lack():
        unavailable(lack)


def unavailable(reason):
    """Skip the test, or fail it if hosts are required."""
    if os.environ.get("DIARIZE_RUNNER_REQUIRE_HOSTS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@cache
def _lack():
    if os.geteuid() != 0:
        return "only root can start a host"
    if missing := [command for command in COMMANDS if not shutil.which(command)]:
        return f"{', '.join(missing)} not found: run scripts/install-test-packages.sh"
    if not Path("/proc/net/if_inet6").exists():
        return "this machine has no IPv6, and a host's attempts to use it are counted"
    namespaces = ["unshare", "--mount", "--net", "--pid", "--fork", "true"]
    if subprocess.run(namespaces, capture_output=True, check=False).returncode:
        return "this machine gives no namespaces, not even to root"
    _allow_instances_of_inotify()
    return ""


def _allow_instances_of_inotify():
    """Let 30 hosts run at once, until the machine is booted again: the systemd of each has 9 of root's 128."""
    if int(INSTANCES.read_text()) < ENOUGH:
        with suppress(OSError):  # as in a container; there a few hosts at once are well
            INSTANCES.write_text(str(ENOUGH))
