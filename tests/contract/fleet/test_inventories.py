"""The inventories of a fleet on moto's simulated EC2, read by real Ansible."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.command import ROOT
from support.run_main import run_main

from diarize_runner.cli.fleet import inventory_ec2

SCRIPT = ROOT / "scripts/inventory_ec2.py"
VENV = Path(sys.executable).parent


def ansible(command, *arguments, **environment):
    """Run one of Ansible's commands without activating the virtual environment."""
    clean = {"PATH": "/usr/bin:/bin", "ANSIBLE_LOCALHOST_WARNING": "false"}
    return subprocess.run(
        [VENV / command, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **clean, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def read_by_ansible(source, **environment):
    """Return an inventory as Ansible parses it, without warnings."""
    done = ansible("ansible-inventory", "-i", source, "--list", **environment)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def static(tmp_path):
    """Write the inventory of a launch to a file."""

    def static(ran):
        path = tmp_path / "hosts.yml"
        path.write_text(ran.stdout)
        return path

    return static


@pytest.mark.long
def test_the_launched_and_the_dynamic_inventory_are_equal(launch, fleet, account, static):
    launched = read_by_ansible(static(launch("--count", "2")))
    dynamic = read_by_ansible(SCRIPT, DIARIZE_RUNNER_FLEET=fleet)

    assert launched == dynamic
    assert sorted(launched["diarize_boxes"]["hosts"]) == account.running(fleet)
    for instance in account.instances(fleet):
        variables = launched["_meta"]["hostvars"][instance["InstanceId"]]
        assert variables["ansible_host"] == instance["PrivateIpAddress"]
        assert variables["ansible_user"] == "ubuntu"


def test_the_playbooks_find_the_launched_boxes(launch, account, fleet, static):
    done = ansible("ansible-playbook", "playbooks/provision.yml", "-i", static(launch()), "--list-hosts")

    assert account.running(fleet)[0] in done.stdout
    assert "hosts (1)" in done.stdout


@pytest.fixture
def inventory(capsys):
    """Run scripts/inventory_ec2.py in this process."""
    return lambda *arguments: run_main(capsys, inventory_ec2, *arguments)


def test_the_boxes_of_all_fleets_are_listed_unless_one_is_named(launch, inventory, fleet, monkeypatch):
    (mine,) = launch("--json").document["boxes"]
    (other,) = launch("--name", f"{fleet[:60]}-2", "--json").document["boxes"]

    everything = inventory("--list").document
    monkeypatch.setenv("DIARIZE_RUNNER_FLEET", fleet)
    named = inventory("--list").document

    assert {mine, other} <= set(everything["diarize_boxes"]["hosts"])
    assert named["diarize_boxes"]["hosts"] == [mine]
    assert list(named["_meta"]["hostvars"]) == [mine]


def test_a_terminated_box_is_not_listed(launch, script, inventory, fleet, monkeypatch):
    launch()
    script("terminate", "--name", fleet, "--yes")
    monkeypatch.setenv("DIARIZE_RUNNER_FLEET", fleet)

    assert inventory("--list").document["diarize_boxes"]["hosts"] == []


def test_a_single_host_has_its_variables_and_an_unknown_one_has_none(launch, inventory, account, fleet):
    (box,) = launch("--json").document["boxes"]

    assert inventory("--host", box).document == {"ansible_host": account.instances(fleet)[0]["PrivateIpAddress"]}
    assert inventory("--host", "i-00000000").document == {}


def test_ansible_fails_when_the_inventory_script_fails(ec2, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    done = ansible("ansible-inventory", "-i", SCRIPT, "--list", ANSIBLE_INVENTORY_UNPARSED_FAILED="true")

    assert done.returncode != 0
    assert "error: ec2:DescribeInstances in us-east-1: no credentials were found" in done.stderr


SESSION = "stdout: ssm start-session --region us-east-1 --target {box} --document-name AWS-StartSSHSession"
# Not to stdout, which carries the bytes of the ssh session.
SEND_KEY = (
    "stderr: ec2-instance-connect send-ssh-public-key --region us-east-1 --instance-id {box} --instance-os-user ubuntu"
)


@pytest.fixture
def by_ssm(static, tmp_path):
    """Connect to a launched box with Ansible; return the calls of a fake `aws` command."""
    if not shutil.which("ssh"):
        pytest.skip("there is no ssh")
    fake, calls = tmp_path / "bin/aws", tmp_path / "calls"
    fake.parent.mkdir()
    fake.write_text(f"""#!/bin/sh
[ "$(readlink /proc/$$/fd/1)" = "$(readlink /proc/$$/fd/2)" ] && exit_=stderr || exit_=stdout
echo "$exit_: $*" >>{calls}
""")
    fake.chmod(0o755)

    def by_ssm(launched, **environment):
        ansible(
            "ansible",
            *("-i", static(launched), "diarize_boxes", "-m", "ansible.builtin.raw", "-a", "true"),
            PATH=f"{fake.parent}:/usr/bin:/bin",
            HOME=str(tmp_path),
            **environment,
        )
        return calls.read_text().splitlines()

    return by_ssm


def test_ansible_connects_through_a_systems_manager_session(launch, by_ssm, account, fleet):
    calls = by_ssm(launch("--ssm"))

    assert calls == [f"{SESSION} --parameters portNumber=22".format(box=account.running(fleet)[0])]


def test_without_a_key_pair_the_public_key_is_sent_by_ec2_instance_connect_first(
    script, fleet, account, ec2, by_ssm, tmp_path
):
    options = ["--name", fleet, "--subnet", account.subnet, "--instance-profile", "boxes", "--ami", account.image]
    launched = script("launch", *options, "--store", "s3://models", "--ssm")
    assert "KeyName" not in account.instances(fleet)[0]
    box = account.running(fleet)[0]

    default_key = by_ssm(launched)
    named_key = by_ssm(launched, DIARIZE_RUNNER_SSH_PUBLIC_KEY="/keys/mine.pub")[2:]

    session = f"{SESSION} --parameters portNumber=22".format(box=box)
    assert default_key == [
        f"{SEND_KEY} --ssh-public-key file://{tmp_path}/.ssh/id_ed25519.pub".format(box=box),
        session,
    ]
    assert named_key == [f"{SEND_KEY} --ssh-public-key file:///keys/mine.pub".format(box=box), session]
