"""Properties of test hosts: they run a real systemd, reach only their store, and leave nothing behind."""

import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.hosts import DEBIAN_12, DEBIAN_13, fresh_host
from support.hosts.requirements import unavailable
from support.hosts.slots import Slot
from support.hosts.trees import changes
from support.web import files, serving

pytestmark = pytest.mark.hosts

TESTS = Path(__file__).resolve().parents[1]
CONNECT = "python3 -c 'import socket; socket.create_connection((\"{}\", {}), 0.5)'"


@pytest.mark.parametrize("image", [DEBIAN_12, DEBIAN_13], ids=lambda image: image.name)
def test_a_host_boots_completely_with_a_real_systemd(image):
    with fresh_host(image) as host:
        assert host.succeed("systemctl is-system-running") == "running\n"
        assert host.succeed("ps -p 1 -o comm= || cat /proc/1/comm") == "systemd\n"
        assert f'VERSION_ID="{image.name.removeprefix("debian-")}"' in host.succeed("cat /etc/os-release")


def test_ansible_reaches_a_host_only_with_its_known_host_key(host):
    ping = ["diarize_boxes", "--module-name", "ansible.builtin.ping"]
    assert "pong" in host.ansible("ansible", *ping).succeeded().output
    host.keeper.root.joinpath("etc/ssh/ssh_host_ed25519_key").unlink()
    host.succeed("ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key && systemctl restart ssh")
    host.hang_up()
    impostor = host.ansible("ansible", *ping)
    assert impostor.exit_code != 0
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in impostor.output


def test_a_host_that_contacts_only_its_store_leaks_no_packet(host, tmp_path):
    (tmp_path / "model").write_bytes(b"weights")
    with serving(files(tmp_path), address=host.store_address) as store:
        fetch = f"python3 -c 'import urllib.request as r; print(r.urlopen(\"{store.url}/model\").read())'"
        assert host.succeed(fetch) == "b'weights'\n"
    assert host.packets.store > 0
    assert host.packets.leak == 0


@pytest.mark.parametrize(
    "attempt",
    [
        "timeout 1 getent hosts example.org",
        CONNECT.format("192.0.2.1", 443),
        CONNECT.format("2001:db8::1", 443),
        "timeout 1 apt-get update",
    ],
)
def test_packets_to_other_addresses_are_counted(host, attempt):
    host.run(attempt)
    packets = host.packets
    assert packets.leak > 0
    assert packets.leaked_to != ()


def test_a_host_cannot_reach_another_port_of_this_machine(host, tmp_path):
    address, _ = host.store_address
    with serving(files(tmp_path), address=(address, 0)) as other:
        _, port = other.server_address
        assert subprocess.run(CONNECT.format(address, port), shell=True, check=False).returncode == 0
        assert host.run(CONNECT.format(address, port)).returncode != 0
    assert host.packets.leak > 0


def test_a_play_can_reboot_a_host(host):
    host.put("/srv/kept", b"before")
    before = host.boot_id()
    play = host.ansible("ansible", "diarize_boxes", "--module-name", "ansible.builtin.reboot")
    assert "rebooted: true" in play.succeeded().output
    assert host.boot_id() != before
    assert host.succeed("cat /srv/kept") == "before"


def test_a_power_cut_keeps_the_disk_and_ends_all_processes(host):
    host.put("/srv/kept", b"before")
    host.succeed("systemd-run --quiet --unit=busy sleep infinity && systemctl is-active busy")
    before = host.boot_id()
    host.cut_power()
    assert host.boot_id() != before
    assert host.succeed("cat /srv/kept; systemctl is-system-running") == "beforerunning\n"
    assert host.run("systemctl is-active busy").returncode != 0


def test_hosts_run_side_by_side_and_cannot_reach_each_other():
    meeting = threading.Barrier(2)
    addresses = {}

    def meet(me, other):
        with fresh_host() as host:
            addresses[me] = host.address
            meeting.wait(60)
            reached = host.run(CONNECT.format(addresses[other], 22)).returncode == 0
            meeting.wait(60)
            return reached, host.packets.leak

    with ThreadPoolExecutor() as pool:
        (_, first), (_, second) = results = list(pool.map(meet, (0, 1), (1, 0)))
    assert [reached for reached, _ in results] == [False, False]
    assert first > 0
    assert second > 0


def test_changes_lists_exactly_the_changed_files(host):
    before = host.files()
    assert len(before) > 5000
    host.succeed("echo more >> /etc/motd; chmod 600 /etc/issue; rm /etc/debian_version; ln -s nowhere /srv/link")
    host.succeed("chown daemon /etc/fstab; cat /etc/hosts > /dev/null; touch /etc/hosts")
    changed = ["/etc/debian_version", "/etc/fstab", "/etc/issue", "/etc/motd", "/srv/link"]
    assert changes(before, host.files()) == changed


def test_changes_on_one_host_do_not_appear_on_the_next(host):
    host.succeed("rm -r /usr/share/doc; touch /etc/changed")
    with fresh_host() as other:
        assert other.run("test -e /usr/share/doc -a ! -e /etc/changed").returncode == 0


class TestNothingIsLeft:
    """A host leaves no process, mount, link, rule, cgroup or file behind."""

    def test_after_a_failed_test(self):
        seen = []
        with pytest.raises(ZeroDivisionError):
            fail_on_a_host(seen)
        (slot, traces_while_running) = seen
        assert len(traces_while_running) == 6, "the negative control: a running host has all traces"
        assert traces(slot) == {}

    def test_after_an_interrupted_run(self):
        process, slot = start_host_process()
        assert len(traces(slot)) == 6
        process.send_signal(signal.SIGINT)
        process.wait(30)
        assert traces(slot) == {}

    def test_after_a_killed_run_and_another_run(self):
        """The kernel ends the processes; the next run removes their folders."""
        process, slot = start_host_process()
        process.kill()
        process.wait(30)
        with fresh_host():
            pass
        assert traces(slot) == {}


def fail_on_a_host(seen):
    with fresh_host() as host:
        seen += [host.slot, traces(host.slot)]
        raise ZeroDivisionError


def start_host_process():
    """Start a process that runs a host; return the process and the host's slot."""
    script = (
        "from support.hosts import fresh_host\nwith fresh_host() as host: print(host.slot.number, flush=True); input()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=TESTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    return process, Slot(number=int(process.stdout.readline()))


def traces(slot):
    """Return the kinds of traces that a host has on this machine."""
    seen = {
        "link": Path("/sys/class/net", slot.name).exists(),
        "rules": slot.name.replace("-", "_") in output("nft", "list", "tables").split(),
        "cgroups": any(Path("/sys/fs/cgroup").rglob(slot.name)),
        "processes": any(re.search(rf"{slot.folder}\b", command) for command in command_lines()),
        "mounts": any(re.search(rf"{slot.folder}\b", mounts) for mounts in all_mounts()),
        "folder": slot.folder.exists(),
    }
    return {kind: True for kind, exists in seen.items() if exists}


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def command_lines():
    return [text.replace("\0", " ") for text in read_proc("cmdline")]


def all_mounts():
    return read_proc("mountinfo")


def read_proc(name):
    """Return a file of /proc for every process."""
    texts = []
    for path in Path("/proc").glob(f"[0-9]*/{name}"):
        try:
            texts.append(path.read_text(errors="replace"))
        except OSError:  # the process ended meanwhile
            continue
    return texts


@pytest.mark.parametrize(("required", "outcome"), [("1", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_if_hosts_cannot_run_a_test_is_skipped_or_fails_if_they_are_required(monkeypatch, required, outcome):
    monkeypatch.setenv("DIARIZE_RUNNER_REQUIRE_HOSTS", required)
    with pytest.raises(outcome, match="no root here"):
        unavailable("no root here")
