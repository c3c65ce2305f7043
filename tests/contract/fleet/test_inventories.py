"""The inventories of a fleet on moto's EC2, a simulation, read by real Ansible."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.command import ROOT
from support.ran import ran

from diarize_runner.cli.fleet import inventory_ec2

SCRIPT = ROOT / "scripts/inventory_ec2.py"
VENV = Path(sys.executable).parent


def ansible(command, *arguments, **environment):
    """Run one of Ansible's commands as a user who has not activated the environment."""
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
    """Return what Ansible makes of an inventory; it warns about what it does not understand."""
    done = ansible("ansible-inventory", "-i", source, "--list", **environment)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def static(tmp_path):
    """Write an inventory that a launch printed."""

    def static(ran):
        path = tmp_path / "hosts.yml"
        path.write_text(ran.stdout)
        return path

    return static


def test_ansible_reads_the_same_from_the_launched_inventory_and_from_the_dynamic_one(launch, fleet, account, static):
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
def asked(capsys):
    """Run scripts/inventory_ec2.py in this process."""
    return lambda *arguments: ran(capsys, inventory_ec2, *arguments)


def test_the_boxes_of_all_fleets_are_listed_unless_one_is_named(launch, asked, fleet, monkeypatch):
    (mine,) = launch("--json").document["boxes"]
    (other,) = launch("--name", f"{fleet[:60]}-2", "--json").document["boxes"]

    everything = asked("--list").document
    monkeypatch.setenv("DIARIZE_RUNNER_FLEET", fleet)
    named = asked("--list").document

    assert {mine, other} <= set(everything["diarize_boxes"]["hosts"])
    assert named["diarize_boxes"]["hosts"] == [mine]
    assert list(named["_meta"]["hostvars"]) == [mine]


def test_a_box_that_is_terminated_is_listed_no_more(launch, script, asked, fleet, monkeypatch):
    launch()
    script("terminate", "--name", fleet, "--yes")
    monkeypatch.setenv("DIARIZE_RUNNER_FLEET", fleet)

    assert asked("--list").document["diarize_boxes"]["hosts"] == []


def test_a_single_host_has_its_variables_and_a_stranger_has_none(launch, asked, account, fleet):
    (box,) = launch("--json").document["boxes"]

    assert asked("--host", box).document == {"ansible_host": account.instances(fleet)[0]["PrivateIpAddress"]}
    assert asked("--host", "i-00000000").document == {}


def test_an_inventory_that_cannot_be_had_is_an_error_of_ansible_s_too(ec2, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    done = ansible("ansible-inventory", "-i", SCRIPT, "--list", ANSIBLE_INVENTORY_UNPARSED_FAILED="true")

    assert done.returncode != 0
    assert "error: ec2:DescribeInstances in us-east-1: no credentials were found" in done.stderr


SESSION = "stdout: ssm start-session --region us-east-1 --target {box} --document-name AWS-StartSSHSession"
# Its answer would be taken for the box's, if it went where the session's bytes go.
LET_IN = (
    "stderr: ec2-instance-connect send-ssh-public-key --region us-east-1 --instance-id {box} --instance-os-user ubuntu"
)


@pytest.fixture
def by_ssm(static, tmp_path):
    """Let Ansible go to a launched box; return what it ran `aws` for, which is an impostor."""
    if not shutil.which("ssh"):
        pytest.skip("there is no ssh")
    fake, called = tmp_path / "bin/aws", tmp_path / "called"
    fake.parent.mkdir()
    fake.write_text(f"""#!/bin/sh
[ "$(readlink /proc/$$/fd/1)" = "$(readlink /proc/$$/fd/2)" ] && exit_=stderr || exit_=stdout
echo "$exit_: $*" >>{called}
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
        return called.read_text().splitlines()

    return by_ssm


def test_ansible_goes_through_a_session_of_the_systems_manager(launch, by_ssm, account, fleet):
    called = by_ssm(launch("--ssm"))

    assert called == [f"{SESSION} --parameters portNumber=22".format(box=account.running(fleet)[0])]


def test_without_a_key_pair_ec2_instance_connect_lets_the_operator_s_key_in_first(
    script, fleet, account, ec2, by_ssm, tmp_path
):
    order = ["--name", fleet, "--subnet", account.subnet, "--instance-profile", "boxes", "--ami", account.image]
    launched = script("launch", *order, "--store", "s3://models", "--ssm")
    assert "KeyName" not in account.instances(fleet)[0]
    box = account.running(fleet)[0]

    called = by_ssm(launched)
    named = by_ssm(launched, DIARIZE_RUNNER_SSH_PUBLIC_KEY="/keys/mine.pub")[2:]

    session = f"{SESSION} --parameters portNumber=22".format(box=box)
    assert called == [f"{LET_IN} --ssh-public-key file://{tmp_path}/.ssh/id_ed25519.pub".format(box=box), session]
    assert named == [f"{LET_IN} --ssh-public-key file:///keys/mine.pub".format(box=box), session]
