"""A fleet on moto's EC2, a simulation, taken down: its own boxes, and no other."""

import os
import pty
import select
import subprocess
import sys

import pytest
from support.command import ROOT
from support.ec2 import action_of, asks_for, refusal
from support.web import says_what


@pytest.fixture
def two_boxes(launch):
    return launch("--count", "2", "--json").document["boxes"]


def asked_to_terminate(ec2):
    return "TerminateInstances" in map(action_of, ec2.requests)


def test_every_box_of_the_fleet_goes_and_nothing_else(script, two_boxes, fleet, account):
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


def test_a_wildcard_is_no_fleet(script, two_boxes, fleet, account, ec2):
    """EC2 takes `*` for every value of a tag."""
    ran = script("terminate", "--name", f"{fleet[:-1]}*", "--yes", "--json")

    assert ran.document["boxes"] == []
    assert account.running(fleet) == two_boxes
    assert not asked_to_terminate(ec2)


def test_a_second_time_there_is_nothing_to_do(script, two_boxes, fleet):
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
    assert listed[2] == f"{fleet} in us-east-1: boxes that would be terminated: 2"
    assert account.running(fleet) == two_boxes
    assert not asked_to_terminate(ec2)


def test_without_a_terminal_to_ask_on_it_is_exit_2(script, two_boxes, fleet, account):
    ran = script("terminate", "--name", fleet)

    assert ran.exit_code == 2
    assert ran.stderr.endswith("error: there is nobody to ask\nhint: --yes to terminate them, --plan to look at them\n")
    assert account.running(fleet) == two_boxes


@pytest.mark.parametrize(("answer", "exit_code", "left"), [("yes", 0, 0), ("no", 1, 1)])
def test_on_a_terminal_it_lists_the_boxes_and_asks(answer, exit_code, left, launch, account):
    fleet = f"asks-{answer}"
    (box,) = launch("--name", fleet, "--json").document["boxes"]

    seen, ended = on_a_terminal([ROOT / "scripts/launch_box.py", "terminate", "--name", fleet], answer, "yes or no.")

    assert seen.index(box) < seen.index(f"{fleet} in us-east-1: terminate these, with their disks?")
    assert ended == exit_code
    assert len(account.running(fleet)) == left


def on_a_terminal(command, answer, question):
    """Run a command with a terminal, and answer its question; return what was on the screen, and the exit code."""
    ours, theirs = pty.openpty()
    wide = {**os.environ, "COLUMNS": "200"}
    process = subprocess.Popen([sys.executable, *command], env=wide, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    try:
        seen = read_until(ours, question)
        os.write(ours, f"{answer}\n".encode())
        return seen + read_until(ours, END), process.wait(timeout=60)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


END = "the end"


def read_until(terminal, text):
    seen = ""
    while text not in seen:
        ready, _, _ = select.select([terminal], [], [], 60)
        assert ready, seen
        try:
            seen += os.read(terminal, 4096).decode()
        except OSError:  # Linux says EIO when nobody holds the other end any more
            seen += END
    return seen


def test_a_box_that_is_protected_is_an_error_with_a_hint(script, two_boxes, fleet, ec2):
    ec2.fails(says_what(refusal("OperationNotPermitted")), when=asks_for("TerminateInstances"))

    ran = script("terminate", "--name", fleet, "--yes")

    assert ran.exit_code == 1
    assert ran.stderr.splitlines()[-2:] == [
        "error: ec2:TerminateInstances in us-east-1: a box is protected from being terminated (OperationNotPermitted)",
        "hint: aws ec2 modify-instance-attribute --no-disable-api-termination --instance-id ...",
    ]
