"""The processes and mounts of one host.

unshare      holds the mount namespace with the overlay, and the network namespace; leads the host's cgroup
  unshare    holds the process namespace, whose processes end with the first
    sh       boots the host, and again after a reboot; ends when its stdin is closed
      systemd-nspawn
        systemd, of the host
"""

import os
import stat
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_HOLD = """
set -e
image=$1 folder=$2 boot=$3
shift 3
mount -t tmpfs tmpfs /run # nspawn writes here
mount -t overlay overlay -o lowerdir="$image",upperdir="$folder/upper",workdir="$folder/work" "$folder/root"
ip link set lo up
echo held
read -r _
exec unshare --pid --fork --kill-child --mount-proc sh -c "$boot" boot "$folder" "$@"
"""

# nspawn exits with 133 when the host reboots. Each further line on stdin cuts the power.
_BOOT = """
cd "$1"
shift
boot() {
    while :; do
        systemd-nspawn "$@" </dev/null >>console.log 2>&1 &
        echo $! >nspawn.pid
        wait $!
        [ $? = 133 ] || rm power-cut 2>/dev/null || break
    done
    : >off
}
boot "$@" &
while read -r _; do
    : >power-cut
    kill -KILL $(cat "/proc/$(cat nspawn.pid)/task/$(cat nspawn.pid)/children")
done
"""

# Does not register, as this machine may have no systemd; the cgroup and the network namespace are created here.
_NSPAWN = (
    *("--quiet", "--register=no", "--keep-unit", "--boot", "--kill-signal=SIGRTMIN+3", "--console=pipe"),
    *("--link-journal=no", "--resolv-conf=off", "--timezone=off", "--network-namespace-path=/proc/self/ns/net"),
    "--capability=CAP_NET_ADMIN",
)
LOOP_NODES = ("/dev/loop-control", *(f"/dev/loop{number}" for number in range(16)))
"""Nodes of this machine with which a host can mount images. The kernel frees each device with the last mount of it."""
_LOOP_MAJOR = 7
"""https://www.kernel.org/doc/html/latest/admin-guide/devices.html"""
_DIES_WITHIN = 10


@dataclass(frozen=True, kw_only=True)
class Keeper:
    """The outer process of a host, which has its namespaces."""

    process: subprocess.Popen
    folder: Path

    @property
    def root(self):
        """Return the path of the host's disk on this machine."""
        return Path(f"/proc/{self.process.pid}/root{self.folder}/root")

    @property
    def console(self):
        """Return the output of the boot."""
        path = self.folder / "console.log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def is_off(self):
        """Whether the host was switched off, or never came up."""
        return (self.folder / "off").exists() or self.process.poll() is not None

    def boot(self):
        """Start the host; its disk and network are ready."""
        self._send_line()

    def cut_power(self):
        """Kill every process of the host at once, and start it again; the disk keeps all writes."""
        self._send_line()

    def _send_line(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()


@contextmanager
def keeping(slot, root, nodes=LOOP_NODES):
    """Mount the disk of a host with these device `nodes` over the lower layers `root`; yield its keeper."""
    make_loop_nodes()
    for name in ("upper", "work", "root"):
        (slot.folder / name).mkdir()
    nspawn = [*_NSPAWN, f"--machine={slot.name}", f"--directory={slot.folder}/root"]
    nspawn += [f"--bind={node}" for node in nodes]
    command = ["unshare", "--mount", "--net", "sh", "-c", _HOLD, "hold", root, slot.folder, _BOOT, *nspawn]
    # A new session, so that Ctrl-C reaches only the tests, which then clean up.
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        if (line := process.stdout.readline()) != "held\n":
            raise RuntimeError(f"cannot mount the disk of a host: {line}{process.stdout.read()}")
        for cgroup in _cgroups(slot):
            cgroup.mkdir()
            (cgroup / "cgroup.procs").write_text(str(process.pid))
        yield Keeper(process=process, folder=slot.folder)
    finally:
        process.stdin.close()
        process.wait(_DIES_WITHIN)
        process.stdout.close()


def make_loop_nodes():
    """Make the nodes that this machine lacks: the kernel makes one only when it needs the device."""
    for number, node in enumerate(LOOP_NODES[1:]):
        with suppress(FileExistsError):
            os.mknod(node, stat.S_IFBLK | 0o660, os.makedev(_LOOP_MAJOR, number))


def remove_cgroups(slot):
    """Remove the host's cgroups once its last processes have ended."""
    deadline = time.monotonic() + _DIES_WITHIN
    while left := [cgroup for cgroup in _cgroups(slot) if cgroup.exists()]:
        for cgroup in left:
            for folder in (*sorted(filter(Path.is_dir, cgroup.rglob("*")), reverse=True), cgroup):
                with suppress(OSError):
                    folder.rmdir()
        if time.monotonic() > deadline:
            raise TimeoutError(f"a process still runs in {left[0]}")
        time.sleep(0.01)


def _cgroups(slot):
    """Return the host's cgroups: one in version 2, or two in the hybrid hierarchy of systemd."""
    hybrid = [Path("/sys/fs/cgroup", name) for name in ("systemd", "unified")]
    return [top / slot.name for top in (hybrid if hybrid[0].is_dir() else [Path("/sys/fs/cgroup")]) if top.is_dir()]
