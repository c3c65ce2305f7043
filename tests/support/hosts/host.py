"""A running host, as a cloud provides it."""

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
from support.hosts.keeper import LOOP_NODES, Keeper, keeping, remove_cgroups
from support.hosts.plays import ansible, apply_role
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
    """A running host."""

    slot: Slot
    keeper: Keeper

    @property
    def root(self):
        """Return the path of its disk on this machine; do not follow absolute links in it."""
        return self.keeper.root

    @property
    def address(self):
        return self.slot.inside

    @property
    def store_address(self):
        """Return the address on this machine for the server of its store."""
        return self.slot.outside, STORE_PORT

    @property
    def packets(self):
        """Return the packets that it sent so far; see `wire`."""
        return packets(self.slot)

    @property
    def variables(self):
        """Return the connection variables for Ansible."""
        config = self.slot.folder / "ssh_config"
        return {"ansible_ssh_args": f"-F {config}", "ansible_python_interpreter": "/usr/bin/python3"}

    def run(self, command, *, data=b""):
        """Run a shell command over ssh, with `data` on its stdin; return the completed process."""
        ssh = ["ssh", "-F", self.slot.folder / "ssh_config", self.address, command]
        done = subprocess.run(ssh, input=data, capture_output=True, timeout=600, check=False)
        streams = (done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
        return subprocess.CompletedProcess(command, done.returncode, *streams)

    def succeed(self, command, *, data=b""):
        """Run a shell command; assert that it succeeds, and return its stdout."""
        done = self.run(command, data=data)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def wait_for(self, command, seconds=30):
        """Run a shell command until it succeeds; return its stdout."""
        deadline = time.monotonic() + seconds
        while (done := self.run(command)).returncode:
            assert time.monotonic() < deadline, f"{command} never succeeded: {done.stdout}{done.stderr}"
            time.sleep(0.1)
        return done.stdout

    def put(self, path, data, mode="0644"):
        """Write a file, and create its folders."""
        quoted = shlex.quote(str(path))
        self.succeed(f'mkdir -p "$(dirname {quoted})" && cat > {quoted} && chmod {mode} {quoted}', data=data)

    def put_folder(self, folder):
        """Copy a folder of this machine to the same path."""
        archive = subprocess.run(["tar", "--create", folder], capture_output=True, check=True)
        self.succeed("tar --extract --directory=/", data=archive.stdout)

    def ansible(self, command, *arguments):
        """Run an Ansible command on this host."""
        return ansible({self: {}}, command, *arguments)

    def play(self, playbook, *arguments, **variables):
        """Run a playbook."""
        return self.ansible("ansible-playbook", playbook, "--extra-vars", json.dumps(variables), *arguments)

    def apply(self, role, *arguments, **variables):
        """Apply one role."""
        return apply_role({self: {}}, role, *arguments, **variables)[self]

    def files(self):
        """Return every entry of its disk: see `trees`."""
        return tree(self.root)

    def processes(self, words, unless=None):
        """Return the pids, on this machine, of its processes with `words` and without `unless` in the command line."""
        own = self._network(self.keeper.process.pid)
        lines = {int(path.parent.name): _read_or_empty(path) for path in Path("/proc").glob("[0-9]*/cmdline")}
        found = [pid for pid, line in lines.items() if words in line and not (unless and unless in line)]
        return [pid for pid in found if self._network(pid) == own]

    def boot_id(self):
        """Return the id of the current boot."""
        return self.succeed("cat /proc/sys/kernel/random/boot_id")

    def cut_power(self):
        """Kill all its processes at once, and wait until it is up again."""
        before = self.boot_id()
        self.keeper.cut_power()
        self.wait_until_up(after=before)

    def switch_off(self):
        """Shut it down, and wait until it is off."""
        self.run("systemctl poweroff")
        deadline = time.monotonic() + _UP_WITHIN
        while not self.keeper.is_off:
            assert time.monotonic() < deadline, "the host is still running"
            time.sleep(0.02)

    def wait_until_up(self, after=""):
        """Wait until systemd has started all units, in a boot other than `after`."""
        deadline = time.monotonic() + _UP_WITHIN
        while not self.keeper.is_off and time.monotonic() < deadline:
            if self._listens():
                done = self.run("systemctl is-system-running --wait; cat /proc/sys/kernel/random/boot_id")
                if len(lines := done.stdout.splitlines()) == 2 and lines[1] != after.strip():
                    return
            time.sleep(0.02)
        raise TimeoutError(f"the host did not come up:\n{self.keeper.console[-4000:]}")

    def hang_up(self):
        """Close the shared ssh connection."""
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
def fresh_host(image=DEBIAN_12, nodes=LOOP_NODES):
    """Boot a host from `image`, with these device nodes; yield it, and remove it at the end."""
    with ExitStack() as stack:
        host = _assemble(stack, lambda _: image_root(image), nodes)
        _make_key(host.root / "etc/ssh/ssh_host_ed25519_key")
        _boot(stack, host)
        yield host


@contextmanager
def host_from(source, image=DEBIAN_12):
    """Boot another host from the disk of `source`, which is off and was booted from `image`; it makes its own keys."""

    def disk(slot):
        subprocess.run(["cp", "--archive", source.slot.folder / "upper", slot.folder / "layer"], check=True)
        return f"{slot.folder}/layer:{image_root(image)}"

    with ExitStack() as stack:
        host = _assemble(stack, disk)
        _boot(stack, host)
        yield host


@contextmanager
def fresh_hosts(*images):
    """Boot several hosts in parallel; yield them in the order of their images."""
    with ExitStack() as stack:
        with ThreadPoolExecutor() as pool:
            hosts = list(pool.map(lambda image: stack.enter_context(fresh_host(image)), images))
        yield hosts


def _read_or_empty(path):
    with suppress(OSError):
        return path.read_text(errors="replace").replace("\0", " ")
    return ""


def _clear(slot):
    unplug(slot)
    remove_cgroups(slot)


def _assemble(stack, disk, nodes=LOOP_NODES):
    """Set up a host without a host key; `disk` returns its lower layers."""
    slot = stack.enter_context(free_slot(_clear))
    keeper = stack.enter_context(keeping(slot, disk(slot), nodes))
    _configure(slot, keeper.root)
    stack.enter_context(wired(slot, keeper.process.pid))
    return Host(slot=slot, keeper=keeper)


def _boot(stack, host):
    host.keeper.boot()
    _learn_host_key(host)
    host.wait_until_up()
    stack.callback(host.hang_up)


def _configure(slot, root):
    """Write what a cloud configures: an authorized key, a host name, and a resolver."""
    _make_key(slot.folder / "key")
    (root / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
    (root / "root/.ssh/authorized_keys").write_bytes((slot.folder / "key.pub").read_bytes())
    (root / "etc/hostname").write_text(f"{slot.name}\n")
    (root / "etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {slot.name}\n")
    (root / "etc/resolv.conf").write_text(f"nameserver {slot.outside}\noptions timeout:1 attempts:1\n")
    (slot.folder / "ssh_config").write_text(_SSH_CONFIG.format(address=slot.inside, folder=slot.folder))


def _learn_host_key(host):
    """Write known_hosts from the host key on its disk."""
    public, deadline = host.root / "etc/ssh/ssh_host_ed25519_key.pub", time.monotonic() + _UP_WITHIN
    while not (words := _read_or_empty(public).split()):  # the path is missing while systemd-nspawn moves the root
        if host.keeper.is_off or time.monotonic() > deadline:
            raise TimeoutError(f"the host has no key:\n{host.keeper.console[-4000:]}")
        time.sleep(0.02)
    (host.slot.folder / "known_hosts").write_text(f"{host.slot.inside} {words[0]} {words[1]}\n")


def _make_key(path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], check=True)
