"""One host: what a cloud hands over, a second after it was asked for."""

import json
import shlex
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from support.hosts.image import DEBIAN_12, image_root
from support.hosts.keeper import Keeper, keeping, remove_cgroups
from support.hosts.plays import ansible, apply_to
from support.hosts.slots import STORE_PORT, Slot, free_slot
from support.hosts.trees import tree
from support.hosts.wire import packets, unplug, wired

_UP_WITHIN = 60

_SSH_CONFIG = """\
Host {address}
  User root
  IdentityFile {folder}/key
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known_hosts
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  BatchMode yes
  ConnectTimeout 10
  LogLevel ERROR
  ControlMaster auto
  ControlPersist 60
  ControlPath {folder}/ssh
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Host:
    """A host that is up."""

    slot: Slot
    keeper: Keeper

    @property
    def root(self):
        """Its disk, seen from this machine; an absolute link in it leads astray."""
        return self.keeper.root

    @property
    def address(self):
        return self.slot.inside

    @property
    def store_address(self):
        """Where on this machine a server must listen to be the host's store."""
        return self.slot.outside, STORE_PORT

    @property
    def packets(self):
        """What came from it so far: see `wire`."""
        return packets(self.slot)

    @property
    def variables(self):
        """How Ansible reaches it."""
        config = self.slot.folder / "ssh_config"
        return {"ansible_ssh_args": f"-F {config}", "ansible_python_interpreter": "/usr/bin/python3"}

    def run(self, command, *, data=b""):
        """Run a shell command over ssh, with `data` on its stdin; return what came of it."""
        ssh = ["ssh", "-F", self.slot.folder / "ssh_config", self.address, command]
        done = subprocess.run(ssh, input=data, capture_output=True, timeout=600, check=False)
        streams = (done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
        return subprocess.CompletedProcess(command, done.returncode, *streams)

    def succeed(self, command, *, data=b""):
        """Run a shell command that has to succeed; return what it said."""
        done = self.run(command, data=data)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def wait_for(self, command, seconds=30):
        """Run a shell command until it succeeds; return what it said."""
        deadline = time.monotonic() + seconds
        while (done := self.run(command)).returncode:
            assert time.monotonic() < deadline, f"{command} never came true: {done.stdout}{done.stderr}"
            time.sleep(0.1)
        return done.stdout

    def put(self, path, data, mode="0644"):
        """Write a file, folders and all."""
        quoted = shlex.quote(str(path))
        self.succeed(f'mkdir -p "$(dirname {quoted})" && cat > {quoted} && chmod {mode} {quoted}', data=data)

    def put_folder(self, folder):
        """Put a copy of a folder of this machine at the same path."""
        packed = subprocess.run(["tar", "--create", folder], capture_output=True, check=True)
        self.succeed("tar --extract --directory=/", data=packed.stdout)

    def ansible(self, command, *arguments):
        """Run one of Ansible's commands for this host."""
        return ansible({self: {}}, command, *arguments)

    def play(self, playbook, *arguments, **variables):
        """Run a playbook."""
        return self.ansible("ansible-playbook", playbook, "--extra-vars", json.dumps(variables), *arguments)

    def apply(self, role, *arguments, **variables):
        """Apply one role."""
        return apply_to({self: {}}, role, *arguments, **variables)[self]

    def files(self):
        """Return every entry of its disk: see `trees`."""
        return tree(self.root)

    def processes(self, words, unless=None):
        """Return which of its processes, numbered as here, have `words` in their command line, not `unless`."""
        mine = self._network(self.keeper.process.pid)
        lines = {int(path.parent.name): _said_in(path) for path in Path("/proc").glob("[0-9]*/cmdline")}
        found = [pid for pid, line in lines.items() if words in line and not (unless and unless in line)]
        return [pid for pid in found if self._network(pid) == mine]

    def boot_id(self):
        """Return what is different after each boot."""
        return self.succeed("cat /proc/sys/kernel/random/boot_id")

    def cut_power(self):
        """Kill all it runs, at once, and wait until it is up again."""
        before = self.boot_id()
        self.keeper.cut_power()
        self.wait_until_up(after=before)

    def switch_off(self):
        """Shut it down, and wait until it is off."""
        self.run("systemctl poweroff")
        deadline = time.monotonic() + _UP_WITHIN
        while not self.keeper.is_off:
            assert time.monotonic() < deadline, "it goes on running"
            time.sleep(0.02)

    def wait_until_up(self, after=""):
        """Wait until systemd has started all there is to start, in a boot that is not `after`."""
        deadline = time.monotonic() + _UP_WITHIN
        while not self.keeper.is_off and time.monotonic() < deadline:
            if self._listens():
                done = self.run("systemctl is-system-running --wait; cat /proc/sys/kernel/random/boot_id")
                if len(said := done.stdout.splitlines()) == 2 and said[1] != after.strip():
                    return
            time.sleep(0.02)
        raise TimeoutError(f"the host did not come up:\n{self.keeper.console[-4000:]}")

    def hang_up(self):
        """End the connection that ssh keeps for the next command."""
        config = self.slot.folder / "ssh_config"
        subprocess.run(["ssh", "-F", config, "-O", "exit", self.address], capture_output=True, check=False)

    def _network(self, pid):
        with suppress(OSError):
            return Path(f"/proc/{pid}/ns/net").readlink()
        return None

    def _listens(self):
        with suppress(OSError), socket.create_connection((self.address, 22), timeout=1):
            return True
        return False


@contextmanager
def fresh_host(image=DEBIAN_12):
    """Boot a host from `image`; give it, and leave no trace of it."""
    with ExitStack() as kept:
        host = _assembled(kept, lambda _: image_root(image))
        _make_key(host.root / "etc/ssh/ssh_host_ed25519_key")
        _boot(kept, host)
        yield host


@contextmanager
def host_from(made, image=DEBIAN_12):
    """Boot another host from the disk of one that was made from `image` and is off; it has to make keys of its own."""

    def disk(slot):
        subprocess.run(["cp", "--archive", made.slot.folder / "upper", slot.folder / "layer"], check=True)
        return f"{slot.folder}/layer:{image_root(image)}"

    with ExitStack() as kept:
        host = _assembled(kept, disk)
        _boot(kept, host)
        yield host


@contextmanager
def fresh_hosts(*images):
    """Boot several hosts at once; give them in the order of their images."""
    with ExitStack() as kept:
        with ThreadPoolExecutor() as pool:
            hosts = list(pool.map(lambda image: kept.enter_context(fresh_host(image)), images))
        yield hosts


def _said_in(path):
    with suppress(OSError):
        return path.read_text(errors="replace").replace("\0", " ")
    return ""


def _clear(slot):
    unplug(slot)
    remove_cgroups(slot)


def _assembled(kept, disk):
    """Put a host together, but for the key that it is known by; `disk` says what lies under its own."""
    slot = kept.enter_context(free_slot(_clear))
    keeper = kept.enter_context(keeping(slot, disk(slot)))
    _hand_over(slot, keeper.root)
    kept.enter_context(wired(slot, keeper.process.pid))
    return Host(slot=slot, keeper=keeper)


def _boot(kept, host):
    host.keeper.boot()
    _learn_the_key(host)
    host.wait_until_up()
    kept.callback(host.hang_up)


def _hand_over(slot, root):
    """Put on the disk what a cloud does: a key of ours, a name, and where names are looked up."""
    _make_key(slot.folder / "key")
    (root / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
    (root / "root/.ssh/authorized_keys").write_bytes((slot.folder / "key.pub").read_bytes())
    (root / "etc/hostname").write_text(f"{slot.name}\n")
    (root / "etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {slot.name}\n")
    (root / "etc/resolv.conf").write_text(f"nameserver {slot.outside}\noptions timeout:1 attempts:1\n")
    (slot.folder / "ssh_config").write_text(_SSH_CONFIG.format(address=slot.inside, folder=slot.folder))


def _learn_the_key(host):
    """Learn from its disk which key the host is known by, as from a cloud's console."""
    public, deadline = host.root / "etc/ssh/ssh_host_ed25519_key.pub", time.monotonic() + _UP_WITHIN
    while not (words := _said_in(public).split()):  # nothing is where it was while its root is being moved
        if host.keeper.is_off or time.monotonic() > deadline:
            raise TimeoutError(f"the host has no key:\n{host.keeper.console[-4000:]}")
        time.sleep(0.02)
    (host.slot.folder / "known_hosts").write_text(f"{host.slot.inside} {words[0]} {words[1]}\n")


def _make_key(path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], check=True)
