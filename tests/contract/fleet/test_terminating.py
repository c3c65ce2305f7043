"""Terminate a fleet on moto's simulated EC2: its own boxes, and no others."""

import os
import pty
import select
import subprocess
import sys

import pytest
from support.command import ROOT
from support.ec2 import action_of, asks_for, refusal
from support.web import responds_with


@pytest.fixture
def two_boxes(launch):
    return launch("--count", "2", "--json").document["boxes"]


def terminate_was_called(ec2):
    return "TerminateInstances" in map(action_of, ec2.requests)


def test_every_box_of_the_fleet_is_terminated_and_no_other(script, two_boxes, fleet, account):
    untagged = account.client().run_instances(ImageId=account.image, MinCount=1, MaxCount=1)["Instances"][0]
    other = account.client().run_instances(
        ImageId=account.image,
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "diarize-runner", "Value": f"{fleet}-2"}]}],
    )["Instances"][0]

    ran = script("terminate", "--name", fleet, "--yes", "--json")

    assert ran.document == {"changed": True, "fleet": fleet, "boxes": two_boxes}
    assert account.running(fleet) == []
    left = account.client().describe_instances(InstanceIds=[untagged["InstanceId"], other["InstanceId"]])
    assert [each["Instances"][0]["State"]["Name"] for each in left["Reservations"]] == ["running", "running"]


def test_a_wildcard_matches_no_fleet(script, two_boxes, fleet, account, ec2):
    """In EC2 filters, `*` matches every value of a tag."""
    ran = script("terminate", "--name", f"{fleet[:-1]}*", "--yes", "--json")

    assert ran.document["boxes"] == []
    assert account.running(fleet) == two_boxes
    assert not terminate_was_called(ec2)


def test_terminating_a_second_time_changes_nothing(script, two_boxes, fleet):
    script("terminate", "--name", fleet, "--yes")

    ran = script("terminate", "--name", fleet, "--yes", "--json")

    assert (ran.exit_code, ran.document["changed"]) == (0, False)
    assert ran.stderr == ""


def test_a_plan_lists_the_boxes_and_terminates_none(script, two_boxes, fleet, account, ec2):
    ran = script("terminate", "--name", fleet, "--plan")

    listed = ran.stderr.splitlines()
    assert [line.split()[:4] for line in listed[:2]] == [
        [box, "running", "g4dn.xlarge", "us-east-1a"] for box in two_boxes
    ]
    assert listed[2] == f"{fleet} in us-east-1: boxes to terminate: 2"
    assert account.running(fleet) == two_boxes
    assert not terminate_was_called(ec2)


def test_without_a_terminal_and_yes_it_exits_with_2(script, two_boxes, fleet, account):
    ran = script("terminate", "--name", fleet)

    assert ran.exit_code == 2
    assert ran.stderr.endswith(
        "error: no terminal to confirm on\nhint: pass --yes to terminate the boxes, or --plan to list them\n"
    )
    assert account.running(fleet) == two_boxes


@pytest.mark.parametrize(("answer", "exit_code", "left"), [("yes", 0, 0), ("no", 1, 1)])
def test_on_a_terminal_it_lists_the_boxes_and_asks_for_confirmation(answer, exit_code, left, launch, account):
    fleet = f"asks-{answer}"
    (box,) = launch("--name", fleet, "--json").document["boxes"]

    screen, returned = run_on_terminal(
        [ROOT / "scripts/launch_box.py", "terminate", "--name", fleet], answer, "yes or no."
    )

    assert screen.index(box) < screen.index(f"{fleet} in us-east-1: terminate these boxes and their disks?")
    assert returned == exit_code
    assert len(account.running(fleet)) == left


def run_on_terminal(command, answer, question):
    """Run a command in a terminal, and answer its question; return its output and exit code."""
    master, slave = pty.openpty()
    wide = {**os.environ, "COLUMNS": "200"}
    process = subprocess.Popen([sys.executable, *command], env=wide, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    try:
        output = read_until(master, question)
        os.write(master, f"{answer}\n".encode())
        return output + read_until(master, END), process.wait(timeout=60)
    finally:
        process.kill()
        process.wait()
        os.close(master)


END = "the end"


def read_until(terminal, text):
    output = ""
    while text not in output:
        ready, _, _ = select.select([terminal], [], [], 60)
        assert ready, output
        try:
            output += os.read(terminal, 4096).decode()
        except OSError:  # Linux raises EIO when the other end is closed
            output += END
    return output


def test_a_box_with_termination_protection_is_an_error_with_a_hint(script, two_boxes, fleet, ec2):
    ec2.fails(responds_with(refusal("OperationNotPermitted")), when=asks_for("TerminateInstances"))

    ran = script("terminate", "--name", fleet, "--yes")

    assert ran.exit_code == 1
    assert ran.stderr.splitlines()[-2:] == [
        "error: ec2:TerminateInstances in us-east-1: a box has termination protection (OperationNotPermitted)",
        "hint: run: aws ec2 modify-instance-attribute --no-disable-api-termination --instance-id ...",
    ]
