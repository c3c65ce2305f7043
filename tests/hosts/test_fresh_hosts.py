"""What the tests of roles rely on: a host is a real one, can reach its store alone, and leaves nothing behind."""

import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.hosts import DEBIAN_12, DEBIAN_13, fresh_host
from support.hosts.possible import unavailable
from support.hosts.slots import Slot
from support.hosts.trees import changes
from support.web import files, serving

pytestmark = pytest.mark.hosts

TESTS = Path(__file__).resolve().parents[1]
CONNECT = "python3 -c 'import socket; socket.create_connection((\"{}\", {}), 0.5)'"


@pytest.mark.parametrize("image", [DEBIAN_12, DEBIAN_13], ids=lambda image: image.name)
def test_a_host_comes_up_whole_under_a_real_systemd(image):
    with fresh_host(image) as host:
        assert host.succeed("systemctl is-system-running") == "running\n"
        assert host.succeed("ps -p 1 -o comm= || cat /proc/1/comm") == "systemd\n"
        assert f'VERSION_ID="{image.name.removeprefix("debian-")}"' in host.succeed("cat /etc/os-release")


def test_ansible_reaches_it_and_only_by_the_key_it_was_given(host):
    ping = ["diarize_boxes", "--module-name", "ansible.builtin.ping"]
    assert "pong" in host.ansible("ansible", *ping).succeeded().output
    host.keeper.root.joinpath("etc/ssh/ssh_host_ed25519_key").unlink()
    host.succeed("ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key && systemctl restart ssh")
    host.hang_up()
    impostor = host.ansible("ansible", *ping)
    assert impostor.exit_code != 0
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in impostor.output


def test_a_host_that_talks_to_its_store_alone_leaks_nothing(host, tmp_path):
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
def test_whatever_else_a_host_tries_is_counted(host, attempt):
    host.run(attempt)
    assert host.packets.leak > 0


def test_a_host_cannot_reach_another_port_of_this_machine(host, tmp_path):
    address, _ = host.store_address
    with serving(files(tmp_path), address=(address, 0)) as other:
        _, port = other.server_address
        assert subprocess.run(CONNECT.format(address, port), shell=True, check=False).returncode == 0
        assert host.run(CONNECT.format(address, port)).returncode != 0
    assert host.packets.leak > 0


def test_a_play_can_reboot_it(host):
    host.put("/srv/kept", b"before")
    before = host.boot_id()
    play = host.ansible("ansible", "diarize_boxes", "--module-name", "ansible.builtin.reboot")
    assert "rebooted: true" in play.succeeded().output
    assert host.boot_id() != before
    assert host.succeed("cat /srv/kept") == "before"


def test_after_a_power_cut_it_has_its_disk_and_no_process(host):
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


def test_the_files_that_changed_are_told_from_those_that_did_not(host):
    before = host.files()
    assert len(before) > 5000
    host.succeed("echo more >> /etc/motd; chmod 600 /etc/issue; rm /etc/debian_version; ln -s nowhere /srv/link")
    host.succeed("chown daemon /etc/fstab; cat /etc/hosts > /dev/null; touch /etc/hosts")
    changed = ["/etc/debian_version", "/etc/fstab", "/etc/issue", "/etc/motd", "/srv/link"]
    assert changes(before, host.files()) == changed


def test_what_one_host_did_to_its_disk_the_next_knows_nothing_of(host):
    host.succeed("rm -r /usr/share/doc; touch /etc/changed")
    with fresh_host() as other:
        assert other.run("test -e /usr/share/doc -a ! -e /etc/changed").returncode == 0


class TestNothingIsLeft:
    """Of a host that ran: no process, mount, link, rule, cgroup or file."""

    def test_after_a_test_that_failed(self):
        seen = []
        with pytest.raises(ZeroDivisionError):
            fail_on_a_host(seen)
        (slot, traces_then) = seen
        assert len(traces_then) == 6, "the negative control: this is how they look"
        assert traces(slot) == {}

    def test_after_a_run_that_was_interrupted(self):
        process, slot = running_elsewhere()
        assert len(traces(slot)) == 6
        process.send_signal(signal.SIGINT)
        process.wait(30)
        assert traces(slot) == {}

    def test_after_a_run_that_was_killed_and_another(self):
        """The processes end by themselves; the next run removes the folders of theirs."""
        process, slot = running_elsewhere()
        process.kill()
        process.wait(30)
        with fresh_host():
            pass
        assert traces(slot) == {}


def fail_on_a_host(seen):
    with fresh_host() as host:
        seen += [host.slot, traces(host.slot)]
        raise ZeroDivisionError


def running_elsewhere():
    """Start a process that has a host; return it, and the host's slot."""
    script = (
        "from support.hosts import fresh_host\nwith fresh_host() as host: print(host.slot.number, flush=True); input()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=TESTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    return process, Slot(number=int(process.stdout.readline()))


def traces(slot):
    """Everything of a host that is to be seen on this machine, by its kind."""
    seen = {
        "link": Path("/sys/class/net", slot.name).exists(),
        "rules": slot.name.replace("-", "_") in output("nft", "list", "tables").split(),
        "cgroups": any(Path("/sys/fs/cgroup").rglob(slot.name)),
        "processes": any(re.search(rf"{slot.folder}\b", command) for command in command_lines()),
        "mounts": any(re.search(rf"{slot.folder}\b", mounts) for mounts in all_mounts()),
        "folder": slot.folder.exists(),
    }
    return {kind: True for kind, there in seen.items() if there}


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def command_lines():
    return [text.replace("\0", " ") for text in of_every_process("cmdline")]


def all_mounts():
    return of_every_process("mountinfo")


def of_every_process(name):
    texts = []
    for path in Path("/proc").glob(f"[0-9]*/{name}"):
        try:
            texts.append(path.read_text(errors="replace"))
        except OSError:  # it ended meanwhile
            continue
    return texts


@pytest.mark.parametrize(("required", "outcome"), [("1", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_where_hosts_cannot_run_a_test_is_skipped_and_fails_where_they_are_required(monkeypatch, required, outcome):
    monkeypatch.setenv("DIARIZE_RUNNER_REQUIRE_HOSTS", required)
    with pytest.raises(outcome, match="no root here"):
        unavailable("no root here")
