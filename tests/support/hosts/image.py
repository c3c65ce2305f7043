"""The root of a host, as a cloud's image has it: made once by mmdebstrap, and kept outside the tree.

<cache>/debian-12-<recipe>/root/       what a host starts from
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

from support.hosts.possible import unavailable

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "diarize-runner-tests"

_HAS = (
    *("systemd", "systemd-sysv", "libpam-systemd", "dbus", "openssh-server", "sudo"),
    *("iproute2", "ca-certificates", "curl", "python3", "python3-apt"),
)
_KEPT_BESIDE = ("python3-venv",)
_DOWNLOAD = "apt-get install --quiet=2 --no-install-recommends --download-only -o Dir::Cache::archives=/packages"
# No identity is baked in: systemd writes a machine id at the first boot, and `host` a key.
_CUSTOMIZE = (
    f'chroot "$1" sh -c "mkdir /packages && {_DOWNLOAD} {" ".join(_KEPT_BESIDE)}"',
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
        """What mmdebstrap is told, but for the folder."""
        hooks = [f"--customize-hook={command}" for command in _CUSTOMIZE]
        what = ["--mode=root", "--format=directory", "--variant=minbase", f"--include={','.join(_HAS)}"]
        return [*what, *hooks, self.suite]

    @property
    def folder(self):
        digest = hashlib.sha256("\0".join(self.recipe).encode()).hexdigest()
        return CACHE / f"{self.name}-{digest[:12]}"

    @property
    def packages(self):
        """The folder of packages that the image lacks."""
        return self.folder / "packages"


DEBIAN_12 = Image(name="debian-12", suite="bookworm")
DEBIAN_13 = Image(name="debian-13", suite="trixie")


def image_root(image):
    """Return the root of `image`; make it if need be (half a minute, and 60 MB from a mirror of Debian)."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with _alone(CACHE / f"{image.name}.lock"):
        if not image.folder.is_dir():
            _make(image)
    return image.folder / "root"


def _make(image):
    """Make it beside its place and rename it; a killed one is mended by the next, as its mounts died with it."""
    partial = CACHE / f"{image.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "root").mkdir(parents=True)
    namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    *options, suite = image.recipe
    command = [*namespaces, "mmdebstrap", "--quiet", *options, suite, str(partial / "root")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(partial)
        unavailable(f"no image of {image.name} could be made:\n{done.stderr[-2000:]}")
    partial.rename(image.folder)


@contextmanager
def _alone(path):
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
