"""Launch a fleet on moto's simulated EC2: once, as specified, and always tagged."""

import base64
from dataclasses import replace

import pytest
from support.ec2 import action_of, asks_for, parameters_of
from support.web import changed

from diarize_runner.errors import FleetError
from diarize_runner.fleet.aws import Aws
from diarize_runner.fleet.fleet_spec import FleetSpec
from diarize_runner.fleet.images import Image
from diarize_runner.fleet.launch import client_token, plan_launch
from diarize_runner.fleet.launch import launch as launch_boxes
from diarize_runner.fleet.poll_policy import PollPolicy
from diarize_runner.progress import NoProgress

TAGS = {"diarize-runner", "diarize-runner-reach", "Name"}


def tags_of(resource):
    return {tag["Key"]: tag["Value"] for tag in resource["Tags"]}


def run_requests(server):
    """Return the parameters of all RunInstances requests except dry runs."""
    requests = [parameters_of(request) for request in server.requests if action_of(request) == "RunInstances"]
    return [parameters for parameters in requests if "DryRun" not in parameters]


def without_reservations(answer):
    """Return EC2's response before it shows the new boxes."""
    start, end = answer.body.index(b"<reservationSet>"), answer.body.index(b"</reservationSet>")
    return replace(answer, body=answer.body[:start] + b"<reservationSet>" + answer.body[end:])


def test_boxes_are_launched_as_specified(launch, fleet, account, ec2, hosts_in):
    ran = launch("--count", "2")

    assert (ran.exit_code, ran.stderr) == (0, f"{fleet}: boxes launched: 2, running and healthy: 2\n")
    assert sorted(hosts_in(ran.stdout)) == account.running(fleet)
    assert len(account.running(fleet)) == 2
    assert run_requests(ec2)[0]["IamInstanceProfile.Name"] == "boxes"
    for instance in account.instances(fleet):
        assert instance["InstanceType"] == "g4dn.xlarge"
        assert instance["ImageId"] == account.image
        assert instance["SubnetId"] == account.subnet
        assert instance["KeyName"] == "operator"
        assert instance["MetadataOptions"]["HttpTokens"] == "required"
        assert instance["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
        assert "PublicIpAddress" not in instance


def test_the_root_volume_is_encrypted_and_deleted_with_its_box(launch, fleet, account):
    launch("--volume-gib", "70")

    (instance,) = account.instances(fleet)
    (device,) = instance["BlockDeviceMappings"]
    (volume,) = account.client().describe_volumes(VolumeIds=[device["Ebs"]["VolumeId"]])["Volumes"]
    assert (volume["Encrypted"], volume["VolumeType"], volume["Size"]) == (True, "gp3", 70)
    assert device["Ebs"]["DeleteOnTermination"] is True
    assert tags_of(volume)["diarize-runner"] == fleet


def test_every_resource_is_tagged_in_the_request_that_creates_it(launch, fleet, ec2, account):
    launch("--spot")

    (request,) = run_requests(ec2)
    kinds = [value for name, value in request.items() if name.endswith(".ResourceType")]
    assert kinds == ["instance", "volume", "network-interface", "spot-instances-request"]
    for number in range(1, 5):
        keys = {request[f"TagSpecification.{number}.Tag.{tag}.Key"] for tag in range(1, 4)}
        assert keys == TAGS
    assert tags_of(account.instances(fleet)[0]) == {
        "Name": fleet,
        "diarize-runner": fleet,
        "diarize-runner-reach": "address",
    }


def test_a_box_fetches_and_runs_the_bootstrap_of_its_store(launch, fleet, account):
    launch()

    (box,) = account.running(fleet)
    attribute = account.client().describe_instance_attribute(InstanceId=box, Attribute="userData")
    assert (
        base64.b64decode(attribute["UserData"]["Value"])
        .decode()
        .endswith(
            "aws s3 cp --only-show-errors s3://models/prod/latest/bootstrap.sh - | bash -s -- --store s3://models/prod\n"
        )
    )


def test_a_public_address_and_security_groups_are_optional(launch, fleet, account, ec2, hosts_in):
    group = account.client().create_security_group(GroupName=fleet, Description="a test's")["GroupId"]

    ran = launch("--public-ip", "--security-group", group)

    (instance,) = account.instances(fleet)
    assert hosts_in(ran.stdout) == {instance["InstanceId"]: {"ansible_host": instance["PublicIpAddress"]}}
    assert run_requests(ec2)[0]["NetworkInterface.1.SecurityGroupId.1"] == group


def test_a_spot_request_is_one_time_and_ends_with_its_box(launch, fleet, account, ec2):
    launch("--spot")

    assert account.instances(fleet)[0]["InstanceLifecycle"] == "spot"
    (request,) = run_requests(ec2)
    assert request["InstanceMarketOptions.SpotOptions.SpotInstanceType"] == "one-time"
    assert request["InstanceInitiatedShutdownBehavior"] == "terminate"


def test_a_second_launch_changes_nothing(launch, fleet, account, ec2):
    first = launch("--count", "2", "--json").document
    second = launch("--count", "2", "--json").document

    assert (first["changed"], len(first["launched"])) == (True, 2)
    assert second == {**first, "changed": False, "launched": []}
    assert len(run_requests(ec2)) == 1
    assert len(account.instances(fleet)) == 2


def test_a_launch_adds_boxes_up_to_the_count_and_never_removes_any(launch, account, fleet):
    (first,) = launch("--json").document["launched"]
    filled = launch("--count", "3", "--json").document
    fewer = launch("--count", "1", "--json").document

    assert len(filled["launched"]) == 2
    assert first in filled["boxes"]
    assert (fewer["changed"], fewer["boxes"]) == (False, filled["boxes"])
    assert len(account.running(fleet)) == 3


def test_a_launch_repeated_before_ec2_shows_its_boxes_launches_no_duplicates(launch, fleet, account, ec2):
    launch("--count", "2")
    ec2.fails(changed(without_reservations), when=asks_for("DescribeInstances"))

    again = launch("--count", "2", "--json").document

    assert again["boxes"] == account.running(fleet)
    first, second = run_requests(ec2)
    assert first["ClientToken"] == second["ClientToken"]
    assert len(account.instances(fleet)) == 2


def test_a_terminated_fleet_can_be_launched_again_at_once(launch, script, fleet, account):
    (before,) = launch("--json").document["boxes"]
    script("terminate", "--name", fleet, "--yes")

    (after,) = launch("--json").document["boxes"]

    assert after != before
    assert account.running(fleet) == [after]


def test_a_client_token_is_the_same_for_the_same_request_for_ten_minutes():
    token = client_token({"MaxCount": 2}, ["i-2", "i-1"], 1200.0)

    assert len(token) == 64  # the most that EC2 takes
    assert token == client_token({"MaxCount": 2}, ["i-1", "i-2"], 1799.9)
    others = [({"MaxCount": 3}, ["i-1", "i-2"], 1200.0), ({"MaxCount": 2}, ["i-1"], 1200.0)]
    others.append(({"MaxCount": 2}, ["i-1", "i-2"], 1800.0))
    assert token not in [client_token(*other) for other in others]


def test_a_partial_launch_is_an_error_and_all_its_boxes_are_tagged(launch, fleet, account, ec2, hosts_in):
    ec2.origin.capacity = 2

    ran = launch("--count", "3")

    assert ran.exit_code == 1
    assert ran.stderr == (
        f"{fleet}: boxes launched: 2, running and healthy: 2\n"
        "error: AWS launched 2 of 3 boxes\n"
        "hint: launch again later, or with another --subnet or --instance-type; or terminate\n"
    )
    assert sorted(hosts_in(ran.stdout)) == account.running(fleet)
    assert all(tags_of(instance)["diarize-runner"] == fleet for instance in account.instances(fleet))


def test_the_next_launch_adds_the_missing_boxes(launch, fleet, account, ec2):
    ec2.origin.capacity = 2
    assert launch("--count", "3", "--json").document["missing"] == 1
    ec2.origin.capacity = 3

    ran = launch("--count", "3", "--json")

    assert (ran.exit_code, len(ran.document["launched"]), ran.document["missing"]) == (0, 1, 0)
    assert len(account.running(fleet)) == 3


def test_a_box_that_is_terminated_while_it_starts_is_an_error_with_the_reason(launch, fleet, account, ec2):
    def end_it(handler, request, origin):
        account.client().terminate_instances(InstanceIds=account.running(fleet))
        handler.send(origin(request))

    ec2.fails(changed(lambda answer: answer), end_it, when=asks_for("DescribeInstances"))

    ran = launch()

    assert (ran.exit_code, ran.stdout) == (1, "")
    assert "is terminated rather than running: " in ran.stderr
    assert ran.stderr.endswith("\nhint: launch again to replace it\n")


def test_boxes_that_do_not_become_healthy_are_named(launch, spec, account, ec2):
    launch("--count", "2")
    half = changed(lambda answer: replace(answer, body=answer.body.replace(b">ok<", b">initializing<", 1)))
    ec2.fails(half, half, when=asks_for("DescribeInstanceStatus"))
    aws = Aws.of(profile=None, region=None)

    with pytest.raises(FleetError, match=r"^not ready after 0 min: i-[0-9a-f]+$") as error:
        launch_boxes(aws, plan_launch(aws, spec), PollPolicy(interval=0, attempts=2), NoProgress())

    assert error.value.hint == "launch again to keep waiting, or terminate"


@pytest.fixture
def spec(fleet, account):
    """The test's fleet, with two boxes."""
    image = Image(id=account.image, name="", root_device="/dev/sda1", min_gib=8)
    return FleetSpec(
        fleet=fleet,
        count=2,
        instance_type="g4dn.xlarge",
        market="on-demand",
        image=image,
        subnet=account.subnet,
        security_groups=(),
        public_address=False,
        instance_profile="boxes",
        key="operator",
        reach="address",
        volume_gib=60,
        on_shutdown="terminate",
        user_data="#!/bin/sh\n",
    )
