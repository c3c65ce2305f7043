"""OpenStack Swift with its S3 API on loopback: a real store of another project.

One account, container, object and proxy server each, one copy of everything, no memcached. Needs `.swift`, which
scripts/install-swift.sh creates. Swift does not support If-Match on writes (501), nor If-None-Match atomically.
"""

import getpass
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

BIN = Path(__file__).resolve().parents[2] / ".swift" / "bin"
ACCESS_KEY, SECRET_KEY = "test:tester", "testing"
STRANGER_ACCESS_KEY, STRANGER_SECRET_KEY = "test:stranger", "looking-on"
"""A user without any permission."""
PAGE = 3
"""Names per page of a listing."""
_STARTS_WITHIN = 60

_RING_SERVERS = ("account", "container", "object")

_SWIFT_CONF = """\
[swift-hash]
swift_hash_path_prefix = prefix
swift_hash_path_suffix = suffix
[storage-policy:0]
name = single
default = yes
"""

# Replaces nine calls of swift-ring-builder: one second instead of five.
_BUILD_RINGS = """\
import sys
from swift.common.ring import RingBuilder
for argument in sys.argv[1:]:
    path, port = argument.split("=")
    ring = RingBuilder(part_power=4, replicas=1, min_part_hours=0)
    device = {"region": 1, "zone": 1, "ip": "127.0.0.1", "port": int(port), "device": "d1", "weight": 1.0}
    ring.add_dev({**device, "replication_ip": "127.0.0.1", "replication_port": int(port)})
    ring.rebalance()
    ring.get_ring().save(path)
"""

_RING_SERVER_CONF = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
user = {user}
swift_dir = {folder}/etc
devices = {folder}/devices
mount_check = false
workers = 0
fallocate_reserve = 0
[pipeline:main]
pipeline = {name}-server
[app:{name}-server]
use = egg:swift#{name}
"""

# The order matters: s3api precedes the authentication that it uses; slo implements multipart uploads.
_PROXY_CONF = """\
[DEFAULT]
bind_ip = {host}
bind_port = {port}
user = {user}
swift_dir = {folder}/etc
workers = 0
[pipeline:main]
pipeline = catch_errors listing_formats bulk s3api tempauth copy slo dlo versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
max_bucket_listing = {page}
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
user_test_stranger = looking-on
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
[filter:symlink]
use = egg:swift#symlink
"""


def require_swift():
    """Skip the test where Swift is not installed; fail it if DIARIZE_RUNNER_REQUIRE_SWIFT is 1."""
    if BIN.is_dir():
        return
    reason = "Swift is not installed: run scripts/install-swift.sh"
    if os.environ.get("DIARIZE_RUNNER_REQUIRE_SWIFT") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def swift(folder, address=None):
    """Run Swift in `folder`; yield the URL of its S3 API, on loopback or on `address`."""
    with ExitStack() as running:
        (folder / "etc").mkdir(parents=True)
        (folder / "devices" / "d1").mkdir(parents=True)
        (folder / "etc" / "swift.conf").write_text(_SWIFT_CONF)
        *ports, proxy_port = _free_ports(len(_RING_SERVERS) + 1)
        _build_rings(folder, ports)
        for name, port in zip(_RING_SERVERS, ports, strict=True):
            running.enter_context(_server(folder, name, port, _RING_SERVER_CONF))
        host, port = address or ("127.0.0.1", proxy_port)
        proxy = running.enter_context(_server(folder, "proxy", port, _PROXY_CONF, host))
        url = f"http://{host}:{port}"
        _wait_for(url, proxy, folder / "proxy.log")
        yield url


def _free_ports(count):
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _build_rings(folder, ports):
    arguments = [f"{folder}/etc/{name}.ring.gz={port}" for name, port in zip(_RING_SERVERS, ports, strict=True)]
    subprocess.run([BIN / "python", "-c", _BUILD_RINGS, *arguments], check=True)


@contextmanager
def _server(folder, name, port, conf, host="127.0.0.1"):
    path = folder / "etc" / f"{name}-server.conf"
    path.write_text(conf.format(name=name, port=port, folder=folder, host=host, page=PAGE, user=getpass.getuser()))
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [BIN / f"swift-{name}-server", path], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(url, process, log):
    deadline = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        if _answers(url):
            return
        time.sleep(0.1)
    pytest.fail(f"Swift did not start:\n{log.read_text()}")


def _answers(url):
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
