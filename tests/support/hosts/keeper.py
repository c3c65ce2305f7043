"""The processes and mounts of one host.

unshare      holds a mount namespace with the overlay and a network namespace; leads the host's own cgroup
  unshare    holds a process namespace: nothing in it survives its first process
    sh       boots the host, again and again; ends when the pipe it reads from is closed
      systemd-nspawn
        systemd, of the host
"""

import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_HOLD = """
set -e
image=$1 folder=$2 boot=$3
shift 3
mount -t tmpfs tmpfs /run # where nspawn leaves things
mount -t overlay overlay -o lowerdir="$image",upperdir="$folder/upper",workdir="$folder/work" "$folder/root"
ip link set lo up
echo held
read -r _
exec unshare --pid --fork --kill-child --mount-proc sh -c "$boot" boot "$folder" "$@"
"""

# nspawn exits with 133 when the host asks for a reboot. Each further line read cuts the power.
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

# The machine may have no systemd to register with, and the cgroup is made here. The network is the host's own.
_NSPAWN = (
    *("--quiet", "--register=no", "--keep-unit", "--boot", "--kill-signal=SIGRTMIN+3", "--console=pipe"),
    *("--link-journal=no", "--resolv-conf=off", "--timezone=off", "--network-namespace-path=/proc/self/ns/net"),
    "--capability=CAP_NET_ADMIN",
)
_DIES_WITHIN = 10


@dataclass(frozen=True, kw_only=True)
class Keeper:
    """What holds a host; its namespaces are those of `process`."""

    process: subprocess.Popen
    folder: Path

    @property
    def root(self):
        """The host's disk, seen from this machine."""
        return Path(f"/proc/{self.process.pid}/root{self.folder}/root")

    @property
    def console(self):
        """What the host wrote as it booted."""
        path = self.folder / "console.log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def is_off(self):
        """Whether the host was switched off, or never came up."""
        return (self.folder / "off").exists() or self.process.poll() is not None

    def boot(self):
        """Start the host, as its disk and its network are ready."""
        self._say_a_line()

    def cut_power(self):
        """Kill every process of the host at once, and start it again. What was written to the disk is there still."""
        self._say_a_line()

    def _say_a_line(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()


@contextmanager
def keeping(slot, root):
    """Hold the disk of a host that starts from `root`."""
    for name in ("upper", "work", "root"):
        (slot.folder / name).mkdir()
    nspawn = [*_NSPAWN, f"--machine={slot.name}", f"--directory={slot.folder}/root"]
    command = ["unshare", "--mount", "--net", "sh", "-c", _HOLD, "hold", root, slot.folder, _BOOT, *nspawn]
    # A session of its own: a Ctrl-C is for the tests, which then let go.
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        if (said := process.stdout.readline()) != "held\n":
            raise RuntimeError(f"the disk of a host cannot be had: {said}{process.stdout.read()}")
        for cgroup in _cgroups(slot):
            cgroup.mkdir()
            (cgroup / "cgroup.procs").write_text(str(process.pid))
        yield Keeper(process=process, folder=slot.folder)
    finally:
        process.stdin.close()
        process.wait(_DIES_WITHIN)
        process.stdout.close()


def remove_cgroups(slot):
    """Remove the host's cgroups, as its last processes go."""
    deadline = time.monotonic() + _DIES_WITHIN
    while left := [cgroup for cgroup in _cgroups(slot) if cgroup.exists()]:
        for cgroup in left:
            for folder in (*sorted(filter(Path.is_dir, cgroup.rglob("*")), reverse=True), cgroup):
                with suppress(OSError):
                    folder.rmdir()
        if time.monotonic() > deadline:
            raise TimeoutError(f"something still runs in {left[0]}")
        time.sleep(0.01)


def _cgroups(slot):
    """Where the host's cgroups are: in version 2, or in the two hierarchies of a hybrid that systemd uses."""
    hybrid = [Path("/sys/fs/cgroup", name) for name in ("systemd", "unified")]
    return [top / slot.name for top in (hybrid if hybrid[0].is_dir() else [Path("/sys/fs/cgroup")]) if top.is_dir()]
