"""The root of a host, built once with mmdebstrap, and cached outside the tree.

<cache>/debian-12-<recipe>/root/       the root file system
<cache>/debian-12-<recipe>/packages/   packages that it lacks, for tests that install them without a mirror
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.hosts.requirements import unavailable

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "diarize-runner-tests"

_PACKAGES = (
    *("systemd", "systemd-sysv", "libpam-systemd", "dbus", "openssh-server", "sudo"),
    *("iproute2", "ca-certificates", "curl", "python3", "python3-apt"),
)
_DOWNLOADED_PACKAGES = ("python3-venv",)
_DOWNLOAD = "apt-get install --quiet=2 --no-install-recommends --download-only -o Dir::Cache::archives=/packages"
# The image has no identity: systemd writes a machine id at the first boot, and `host` a host key.
_CUSTOMIZE = (
    f'chroot "$1" sh -c "mkdir /packages && {_DOWNLOAD} {" ".join(_DOWNLOADED_PACKAGES)}"',
    'mkdir "$1/../packages" && mv "$1"/packages/*.deb "$1/../packages" && rm -r "$1/packages"',
    'rm -f "$1"/etc/ssh/ssh_host_* "$1/etc/hostname" "$1/etc/resolv.conf" && : > "$1/etc/machine-id"',
)


@dataclass(frozen=True, kw_only=True)
class Image:
    """A release of Debian."""

    name: str
    suite: str

    @property
    def recipe(self):
        """Return the arguments of mmdebstrap, without the folder."""
        hooks = [f"--customize-hook={command}" for command in _CUSTOMIZE]
        options = ["--mode=root", "--format=directory", "--variant=minbase", f"--include={','.join(_PACKAGES)}"]
        return [*options, *hooks, self.suite]

    @property
    def folder(self):
        digest = hashlib.sha256("\0".join(self.recipe).encode()).hexdigest()
        return CACHE / f"{self.name}-{digest[:12]}"

    @property
    def packages(self):
        """Return the folder of packages that the image lacks."""
        return self.folder / "packages"


DEBIAN_12 = Image(name="debian-12", suite="bookworm")
DEBIAN_13 = Image(name="debian-13", suite="trixie")


def image_root(image):
    """Return the root of `image`; build it if missing (half a minute, and 60 MB from a Debian mirror)."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with _locked(CACHE / f"{image.name}.lock"):
        if not image.folder.is_dir():
            _make(image)
    return image.folder / "root"


def _make(image):
    """Build it in a temporary folder and rename it; the next run replaces what a killed one left."""
    partial = CACHE / f"{image.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "root").mkdir(parents=True)
    namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    *options, suite = image.recipe
    command = [*namespaces, "mmdebstrap", "--quiet", *options, suite, str(partial / "root")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(partial)
        unavailable(f"mmdebstrap could not build {image.name}:\n{done.stderr[-2000:]}")
    partial.rename(image.folder)


@contextmanager
def _locked(path):
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
