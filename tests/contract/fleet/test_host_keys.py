"""The host keys of a fleet, from the consoles of moto's simulated EC2, looked up with ssh-keygen."""

import base64
import re
import subprocess
from dataclasses import replace

import pytest
from support.ec2 import asks_for
from support.web import changed

from diarize_runner.errors import FleetError
from diarize_runner.fleet.aws import Aws
from diarize_runner.fleet.boxes import find_boxes
from diarize_runner.fleet.host_keys import BEGIN, END, host_keys, known_hosts
from diarize_runner.fleet.poll_policy import PollPolicy
from diarize_runner.fleet.user_data import user_data
from diarize_runner.progress import NoProgress

BOOT = "[    0.000000] Linux version 6.8.0\r\nci-info: no authorized SSH keys fingerprints found\r\n"


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Two public keys from ssh-keygen."""
    folder = tmp_path_factory.mktemp("keys")
    for kind in ("ed25519", "ecdsa"):
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "root@box", "-f", folder / kind], check=True)
    return [(folder / f"{kind}.pub").read_text().strip() for kind in ("ecdsa", "ed25519")]


def block(keys):
    """Return a console with these keys in cloud-init's format."""
    return "\r\n".join([BOOT, BEGIN, *keys, END, "[   61.2] cloud-init: finished\r\n"])


def without_comments(keys):
    return [" ".join(key.split()[:2]) for key in keys]


def shows(console):
    """Put this text on the console in moto's response."""
    output = base64.b64encode(console.encode())
    return changed(
        lambda answer: replace(answer, body=re.sub(rb"(<output>).*(</output>)", rb"\1" + output + rb"\2", answer.body))
    )


@pytest.fixture
def run_host_keys(script, fleet):
    """Run the command for the test's fleet."""
    return lambda *options: script("host-keys", "--name", fleet, *options)


def test_ssh_finds_the_key_of_a_box_by_its_id_and_by_its_addresses(launch, run_host_keys, fleet, ec2, keys, tmp_path):
    launch("--public-ip")
    (box,) = find_boxes(Aws.of(profile=None, region=None), fleet)
    ec2.fails(shows(block(keys)), when=asks_for("GetConsoleOutput"))

    ran = run_host_keys()

    assert (ran.exit_code, ran.stderr) == (0, f"{fleet}: boxes with host keys: 1\n")
    (tmp_path / "known_hosts").write_text(ran.stdout)
    for name in (box.id, box.public_address, box.private_address):
        find = ["ssh-keygen", "-f", tmp_path / "known_hosts", "-F", name]
        found = subprocess.run(find, capture_output=True, text=True, check=True).stdout.splitlines()
        assert [line.partition(" ")[2] for line in found if not line.startswith("#")] == without_comments(keys)


def test_only_consoles_without_keys_are_polled_again(launch, run_host_keys, ec2, keys):
    launch("--count", "2")
    ec2.fails(shows(block(keys)), shows(BOOT), shows(block(keys)), when=asks_for("GetConsoleOutput"))

    ran = run_host_keys("--json")

    assert ran.document["known_hosts"].count("\n") == 2 * len(keys)
    assert sum(asks_for("GetConsoleOutput")(request) for request in ec2.requests) == 3


def test_a_box_that_never_shows_its_keys_is_named(launch, fleet, ec2, keys):
    launch("--count", "2")
    ec2.fails(shows(block(keys)), when=asks_for("GetConsoleOutput"))
    aws = Aws.of(profile=None, region=None)
    first, second = find_boxes(aws, fleet)

    with pytest.raises(FleetError, match=f"^no host keys on the console after 0 min: {second.id}$"):
        known_hosts(aws, (first, second), PollPolicy(interval=0, attempts=2), NoProgress())


def test_a_fleet_without_a_running_box_has_no_host_keys(run_host_keys, fleet, ec2):
    ran = run_host_keys()

    assert (ran.exit_code, ran.stdout) == (1, "")
    assert ran.stderr == f"error: {fleet} in us-east-1 has no running box\nhint: run: launch_box.py launch\n"


def test_lines_that_other_output_has_broken_are_not_keys(keys):
    ecdsa, ed25519 = keys
    broken = f"{ed25519[:40]}[  12.3] audit: rate limit"
    other_type = f"ssh-rsa {ed25519.split()[1]} root@box"

    keys_found = host_keys(block([ecdsa, broken, other_type, "ssh-ed25519 AAAA= root@box"]))
    assert keys_found == without_comments([ecdsa])


def test_the_last_complete_block_counts(keys):
    ecdsa, ed25519 = keys

    assert host_keys(block([ecdsa]) + block([ed25519])) == without_comments([ed25519])
    assert host_keys(block([ecdsa]) + f"{BEGIN}\r\n{ed25519}\r\n") == without_comments([ecdsa])
    assert host_keys(BOOT) == ()


def test_a_box_prints_its_keys_before_it_runs_anything_else(keys, tmp_path):
    for number, key in enumerate(keys):
        (tmp_path / f"ssh_host_{number}_key.pub").write_text(f"{key}\n")
    script = user_data("https://host/models").replace("/etc/ssh", str(tmp_path))
    script = script.replace("/dev/console", str(tmp_path / "console"))

    subprocess.run(
        ["bash"], input=f"curl() {{ cp {tmp_path}/console {tmp_path}/at_fetch; }}\n{script}".encode(), check=True
    )

    assert host_keys((tmp_path / "at_fetch").read_text()) == without_comments(keys)


def test_a_box_without_a_console_is_provisioned_too(tmp_path):
    script = user_data("https://host/models").replace("/dev/console", str(tmp_path / "nowhere/console"))

    ran = subprocess.run(
        ["bash"], input=f"curl() {{ echo echo fetched; }}\n{script}".encode(), capture_output=True, check=False
    )

    assert ran.stdout == b"fetched\n"
