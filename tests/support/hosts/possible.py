"""Whether this machine can run hosts, and what it lacks if not."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

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
    return ""
