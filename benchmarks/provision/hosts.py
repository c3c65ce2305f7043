"""A fresh host with a recording and its transcript on it, and nginx on the other end of its cable."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.provision.site import ROOT, Site, transcript
from benchmarks.restore.servers import nginx
from diarize_runner.benchmark.workload import shipped_sample

sys.path.append(str(ROOT / "tests"))
from support.hosts import DEBIAN_12, Host, fresh_host

__all__ = ["Host", "prepared"]

_ON_HOST = Path(__file__).parent / "on_host"


@contextmanager
def prepared(site: Site) -> Iterator[tuple[Host, str]]:
    """Boot a host; give it, and the address of its store."""
    with fresh_host() as host, nginx(site.work, host.store_address) as web:
        sample = shipped_sample().audio
        host.put("/root/sample.wav", sample.read_bytes())
        host.put("/root/transcript.json", transcript(sample.with_suffix(".stm")).encode())
        for script in _ON_HOST.rglob("*.py"):
            host.put(f"/root/on_host/{script.relative_to(_ON_HOST)}", script.read_bytes())
        yield host, f"{web.url}/{site.store.name}"


def install_venv(host: Host) -> None:
    """Install what Debian leaves out of python3: the way by hand cannot begin without it."""
    for package in DEBIAN_12.packages.glob("*.deb"):
        host.put(f"/tmp/debs/{package.name}", package.read_bytes())  # noqa: S108  # on a host that is gone soon
    host.succeed("dpkg --install /tmp/debs/*.deb && rm -r /tmp/debs")
