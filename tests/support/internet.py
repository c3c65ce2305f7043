"""A simulated internet in a network namespace: every name resolves to loopback, and lookups are recorded.

`trace_network(commands)` runs each command there with its real host names. A TLS server, whose certificate the commands
trust, stands in for all hosts and forwards to simulators.
"""

import json
import os
import re
import socket
import struct
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from support.buckets import moto
from support.certificates import write_certificate
from support.command import ROOT
from support.hub_host import FILES, REPO
from support.hub_simulator import running_hub
from support.traces import require_strace
from support.web import Answer, files, relay, serving

BUCKET, STORE = "models-bucket", "models.example.org"
BRIDGE, CDN = "cas-bridge.xethub.hf.co", "us.aws.cdn.hf.co"
"""The hosts of the Hub's large files."""
S3 = f"{BUCKET}.s3.eu-central-1.amazonaws.com"
NAMES = (
    "huggingface.co",
    BRIDGE,
    CDN,
    "pypi.org",
    "files.pythonhosted.org",
    STORE,
    S3,
    S3.partition(".")[2],
)
_CONNECTED = re.compile(r"connect\(\d+, \{sa_family=AF_INET6?, .*?(?:inet_addr\(|inet_pton\(AF_INET6, )\"(.+?)\"")


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command to run in the namespace."""

    words: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    exit_code: int = 0
    redirected_to: str = CDN
    """The host to which the Hub redirects requests for large files."""


@dataclass(frozen=True, kw_only=True)
class NetworkAccess:
    """The network access of a command."""

    names: set[str]
    """Names that it looked up."""
    addresses: set[str]
    """Addresses other than loopback that it connected to."""
    output: str


def trace_network(commands: dict[str, Command], folder: Path) -> dict[str, NetworkAccess]:
    """Run the commands in turn; return the network access of each. `folder` has `index`, of wheels, and `store`."""
    require_strace()
    (folder / "commands.json").write_text(json.dumps({name: asdict(command) for name, command in commands.items()}))
    path = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
    done = subprocess.run(
        ["unshare", "--net", "--mount", sys.executable, "-m", "support.internet", str(folder)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results = json.loads((folder / "access.json").read_text())
    return {
        name: NetworkAccess(names={*each["names"]}, addresses={*each["addresses"]}, output=each["output"])
        for name, each in results.items()
    }


def _main(folder: Path) -> None:
    _make_network(folder)
    commands = json.loads((folder / "commands.json").read_text())
    with _names() as names, _servers(folder) as (certificate, hub, cloud):
        cloud.client().create_bucket(Bucket=BUCKET)
        results = {}
        for index, (name, command) in enumerate(commands.items()):
            names.clear()
            hub.cdn = f"https://{command['redirected_to']}"
            trace = folder / f"trace-{index}"
            done = _run(command, trace, certificate, folder)
            assert done.returncode == command["exit_code"], f"{name}: {done.returncode} {done.stdout} {done.stderr}"
            results[name] = {"names": [*names], "addresses": _addresses(trace), "output": done.stdout + done.stderr}
    (folder / "access.json").write_text(json.dumps(results))


def _make_network(folder: Path) -> None:
    """Set up loopback, and make it the resolver."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    settings = {"resolv.conf": "nameserver 127.0.0.1\n", "nsswitch.conf": "hosts: files dns\n"}
    settings["hosts"] = f"127.0.0.1 localhost {socket.gethostname()}\n"
    for name, text in settings.items():
        (folder / name).write_text(text)
        subprocess.run(["mount", "--bind", folder / name, Path("/etc", name).resolve()], check=True)


@contextmanager
def _names():
    """Resolve every name to 127.0.0.1; yield the set of names that were looked up."""
    names = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 53))
        threading.Thread(target=_resolve, args=(server, names), daemon=True).start()
        yield names


def _resolve(server, names) -> None:
    while True:
        query, sender = server.recvfrom(4096)
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode())
            at += 1 + query[at]
        names.add(".".join(labels).lower())
        (kind,) = struct.unpack("!H", query[at + 1 : at + 3])
        record = struct.pack("!HHHIH4B", 0xC00C, 1, 1, 60, 4, 127, 0, 0, 1) if kind == 1 else b""
        head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, bool(record), 0, 0)
        server.sendto(head + query[12 : at + 5] + record, sender)


@contextmanager
def _servers(folder: Path):
    with ExitStack() as running:
        hub, cloud = running.enter_context(running_hub()), running.enter_context(moto())
        hub.repo(REPO, FILES)
        origins = {
            "huggingface.co": relay(hub.endpoint),
            BRIDGE: relay(hub.cdn),
            CDN: relay(hub.cdn),
            "pypi.org": _index(folder / "index"),
            "files.pythonhosted.org": files(folder / "index"),
            STORE: files(folder / "store"),
        }
        s3 = relay(cloud.url)
        certificate = write_certificate(folder / "certificate.pem", NAMES)
        running.enter_context(serving(_by_host(origins, s3), certificate, ("127.0.0.1", 443)))
        yield certificate, hub, cloud


def _by_host(origins, otherwise):
    return lambda request: origins.get(request.headers["Host"], otherwise)(request)


def _index(folder: Path):
    """Serve the pages of a package index; links lead to another host."""

    def origin(request):
        name = request.path.strip("/").rpartition("/")[2]
        links = [
            f'<a href="https://files.pythonhosted.org/{path.name}">{path.name}</a>'
            for path in folder.glob(f"{name}-*.whl")
        ]
        page = "<!DOCTYPE html>" + "".join(links)
        return Answer(status=200 if links else 404, headers={"Content-Type": "text/html"}, body=page.encode())

    return origin


def _run(command, trace: Path, certificate: Path, folder: Path) -> subprocess.CompletedProcess:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ}
    trusting = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "AWS_CA_BUNDLE", "CURL_CA_BUNDLE")
    own = {"HOME": str(folder), "PIP_CONFIG_FILE": "/dev/null", "UV_NO_CONFIG": "1", "TMPDIR": str(folder)}
    strace = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=connect", "-e", "signal=none", "-o", str(trace)]
    return subprocess.run(
        [*strace, *command["words"]],
        env={**kept, **own, **dict.fromkeys(trusting, str(certificate)), **command["environment"]},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _addresses(trace: Path) -> list[str]:
    found = {*_CONNECTED.findall(trace.read_text(errors="replace"))}
    return sorted(each for each in found if not each.startswith(("127.", "::ffff:127.")) and each != "::1")


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
