"""Boot a fresh host with a recording and its transcript, and serve its store with nginx."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.provision.limits import Limits
from benchmarks.provision.site import ROOT, Site, transcript
from benchmarks.restore.servers import nginx
from diarize_runner.benchmark.workload import shipped_sample

sys.path.append(str(ROOT / "tests"))
from support.hosts import DEBIAN_12, Host, fresh_host

__all__ = ["Host", "prepare_host"]

_ON_HOST = Path(__file__).parent / "on_host"


@contextmanager
def prepare_host(site: Site, limits: Limits) -> Iterator[tuple[Host, str]]:
    """Boot a host; yield it, and the address of its store."""
    with fresh_host() as host, nginx(site.work, host.store_address) as web:
        limits.set_on_link(host.slot.name)
        sample = shipped_sample().audio
        host.put("/root/sample.wav", sample.read_bytes())
        host.put("/root/transcript.json", transcript(sample.with_suffix(".stm")).encode())
        for script in _ON_HOST.rglob("*.py"):
            host.put(f"/root/on_host/{script.relative_to(_ON_HOST)}", script.read_bytes())
        yield host, f"{web.url}/{site.store.name}"


def install_venv(host: Host) -> None:
    """Install python3-venv, which the manual set-up needs and Debian's python3 lacks."""
    for package in DEBIAN_12.packages.glob("*.deb"):
        host.put(f"/tmp/debs/{package.name}", package.read_bytes())  # noqa: S108  # on a temporary host
    host.succeed("dpkg --install /tmp/debs/*.deb && rm -r /tmp/debs")
