"""Make this machine's disk and a host's link as slow as a cloud's, while the block runs.

The kernel limits writes of the root cgroup only with the blkio controller of cgroup v1, where that also holds for the
pages that are written back later: https://docs.kernel.org/admin-guide/cgroup-v1/blkio-controller.html. The limit is of
the whole machine, so the server of the store is limited, too; it only reads.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

_FILE = "blkio.throttle.write_bps_device"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a host may do; None is no limit."""

    write_bytes: int | None = None
    """Bytes a second to the disk of `folder`."""
    link: str | None = None
    """A rate of tc(8), such as 5gbit."""

    @contextmanager
    def of_disk(self, folder: Path) -> Iterator[None]:
        """Limit writes to the disk that holds `folder`."""
        if self.write_bytes is None:
            yield
            return
        device = folder.stat().st_dev
        named = f"{os.major(device)}:{os.minor(device)}"
        with TemporaryDirectory() as mounted:
            _run("mount", "-t", "cgroup", "-o", "blkio", "none", mounted)
            limit = Path(mounted, _FILE)
            try:
                limit.write_text(f"{named} {self.write_bytes}", encoding="ascii")
                yield
            finally:
                limit.write_text(f"{named} 0", encoding="ascii")
                _run("umount", mounted)

    def set_on_link(self, interface: str) -> None:
        """Limit what goes out through `interface`; the limit goes when the interface does."""
        if self.link:
            _run(
                "tc",
                "qdisc",
                "add",
                "dev",
                interface,
                "root",
                "tbf",
                "rate",
                self.link,
                "burst",
                "1mb",
                "latency",
                "50ms",
            )


def _run(*command: str) -> None:
    subprocess.run(command, check=True)  # noqa: S603  # no shell, no user input
