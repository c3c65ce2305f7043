"""podman without a daemon, a registry or a cgroup manager: it builds and runs images on a Debian base."""

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

_COMMANDS = ("podman", "buildah", "runc", "mmdebstrap")
# The limits of podman's defaults are above what a container may set, and systemd manages no cgroup here.
_CONFIGURATION = '[containers]\ndefault_ulimits = []\n[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'


def require_containers():
    """Skip the test where images cannot be built; fail it if DIARIZE_RUNNER_REQUIRE_CONTAINERS is 1."""
    if not (reason := _missing()):
        return
    if os.environ.get("DIARIZE_RUNNER_REQUIRE_CONTAINERS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@cache
def _missing():
    if os.geteuid() != 0:
        return "only root can build an image here"
    if missing := [command for command in _COMMANDS if not shutil.which(command)]:
        return f"{', '.join(missing)} not found: run scripts/install-test-packages.sh"
    return ""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """podman with its storage in a folder of its own."""

    folder: Path
    environment: dict = field(init=False, default_factory=dict)

    def __post_init__(self):
        (self.folder / "containers.conf").write_text(_CONFIGURATION)
        temporary = self.folder / "tmp"
        temporary.mkdir()
        self.environment.update(
            PATH=os.environ["PATH"],
            HOME=str(self.folder),
            TMPDIR=str(temporary),
            CONTAINERS_CONF=str(self.folder / "containers.conf"),
            BUILDAH_ISOLATION="chroot",
        )

    @property
    def command(self):
        """Return the words before podman's subcommand."""
        folders = ["--root", str(self.folder / "root"), "--runroot", str(self.folder / "runroot")]
        return ["podman", *folders, "--storage-driver", "overlay", "--runtime", "runc"]

    def run(self, *arguments, **options):
        """Run a command of podman; return the finished process."""
        words = [*self.command, *map(str, arguments)]
        return subprocess.run(words, env=self.environment, capture_output=True, text=True, check=False, **options)

    def succeed(self, *arguments, **options):
        """Run a command of podman; return what it printed."""
        done = self.run(*arguments, **options)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    def start(self, *arguments):
        """Start a command of podman; return the process."""
        words = [*self.command, *map(str, arguments)]
        return subprocess.Popen(words, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def remove(self):
        """Remove containers, images and storage."""
        self.run("rm", "--all", "--force", "--time", "0")
        self.run("rmi", "--all", "--force")
        for point in reversed(self._mounts()):
            subprocess.run(["umount", "--lazy", point], capture_output=True, check=False)
        shutil.rmtree(self.folder)

    def _mounts(self):
        """Return what podman leaves mounted under the folder."""
        points = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        return [point for point in points if point.startswith(f"{self.folder}/")]
