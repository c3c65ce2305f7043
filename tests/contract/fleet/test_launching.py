"""A fleet on moto's EC2, a simulation: launched once, as it was ordered, and never left untagged."""

import base64
from dataclasses import replace

import pytest
from support.ec2 import action_of, asks_for, parameters_of
from support.web import changed

from diarize_runner.errors import FleetError
from diarize_runner.fleet.aws import Aws
from diarize_runner.fleet.images import Image
from diarize_runner.fleet.launch import client_token, plan_launch
from diarize_runner.fleet.launch import launch as launch_boxes
from diarize_runner.fleet.order import Order
from diarize_runner.fleet.pace import Pace
from diarize_runner.progress import Silent

TAGS = {"diarize-runner", "diarize-runner-reach", "Name"}


def tags_of(resource):
    return {tag["Key"]: tag["Value"] for tag in resource["Tags"]}


def runs(server):
    """Return what was asked of RunInstances, rehearsals left out."""
    asked = [parameters_of(request) for request in server.requests if action_of(request) == "RunInstances"]
    return [parameters for parameters in asked if "DryRun" not in parameters]


def unseen(answer):
    """EC2's answer before it shows what was just launched."""
    start, end = answer.body.index(b"<reservationSet>"), answer.body.index(b"</reservationSet>")
    return replace(answer, body=answer.body[:start] + b"<reservationSet>" + answer.body[end:])


def test_boxes_are_launched_as_they_were_ordered(launch, fleet, account, ec2, hosts_in):
    ran = launch("--count", "2")

    assert (ran.exit_code, ran.stderr) == (0, f"{fleet}: boxes launched: 2, running and well: 2\n")
    assert sorted(hosts_in(ran.stdout)) == account.running(fleet)
    assert len(account.running(fleet)) == 2
    assert runs(ec2)[0]["IamInstanceProfile.Name"] == "boxes"
    for instance in account.instances(fleet):
        assert instance["InstanceType"] == "g4dn.xlarge"
        assert instance["ImageId"] == account.image
        assert instance["SubnetId"] == account.subnet
        assert instance["KeyName"] == "operator"
        assert instance["MetadataOptions"]["HttpTokens"] == "required"
        assert instance["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
        assert "PublicIpAddress" not in instance


def test_the_root_volume_is_encrypted_and_goes_with_its_box(launch, fleet, account):
    launch("--volume-gib", "70")

    (instance,) = account.instances(fleet)
    (device,) = instance["BlockDeviceMappings"]
    (volume,) = account.client().describe_volumes(VolumeIds=[device["Ebs"]["VolumeId"]])["Volumes"]
    assert (volume["Encrypted"], volume["VolumeType"], volume["Size"]) == (True, "gp3", 70)
    assert device["Ebs"]["DeleteOnTermination"] is True
    assert tags_of(volume)["diarize-runner"] == fleet


def test_everything_that_is_made_is_tagged_by_the_request_that_makes_it(launch, fleet, ec2, account):
    launch("--spot")

    (request,) = runs(ec2)
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
    told = account.client().describe_instance_attribute(InstanceId=box, Attribute="userData")["UserData"]["Value"]
    assert (
        base64.b64decode(told)
        .decode()
        .endswith(
            "aws s3 cp --only-show-errors s3://models/prod/latest/bootstrap.sh - | bash -s -- --store s3://models/prod\n"
        )
    )


def test_a_public_address_and_security_groups_are_there_when_asked_for(launch, fleet, account, ec2, hosts_in):
    group = account.client().create_security_group(GroupName=fleet, Description="a test's")["GroupId"]

    ran = launch("--public-ip", "--security-group", group)

    (instance,) = account.instances(fleet)
    assert hosts_in(ran.stdout) == {instance["InstanceId"]: {"ansible_host": instance["PublicIpAddress"]}}
    assert runs(ec2)[0]["NetworkInterface.1.SecurityGroupId.1"] == group


def test_a_spot_box_is_one_and_asks_for_nothing_that_outlives_it(launch, fleet, account, ec2):
    launch("--spot")

    assert account.instances(fleet)[0]["InstanceLifecycle"] == "spot"
    (request,) = runs(ec2)
    assert request["InstanceMarketOptions.SpotOptions.SpotInstanceType"] == "one-time"
    assert request["InstanceInitiatedShutdownBehavior"] == "terminate"


def test_a_second_launch_changes_nothing(launch, fleet, account, ec2):
    first = launch("--count", "2", "--json").document
    second = launch("--count", "2", "--json").document

    assert (first["changed"], len(first["launched"])) == (True, 2)
    assert second == {**first, "changed": False, "launched": []}
    assert len(runs(ec2)) == 1
    assert len(account.instances(fleet)) == 2


def test_a_fleet_is_filled_up_to_its_count_and_never_cut_down(launch, account, fleet):
    (first,) = launch("--json").document["launched"]
    filled = launch("--count", "3", "--json").document
    fewer = launch("--count", "1", "--json").document

    assert len(filled["launched"]) == 2
    assert first in filled["boxes"]
    assert (fewer["changed"], fewer["boxes"]) == (False, filled["boxes"])
    assert len(account.running(fleet)) == 3


def test_a_launch_that_is_repeated_before_ec2_shows_its_boxes_launches_none_twice(launch, fleet, account, ec2):
    launch("--count", "2")
    ec2.fails(changed(unseen), when=asks_for("DescribeInstances"))

    again = launch("--count", "2", "--json").document

    assert again["boxes"] == account.running(fleet)
    first, second = runs(ec2)
    assert first["ClientToken"] == second["ClientToken"]
    assert len(account.instances(fleet)) == 2


def test_a_fleet_that_was_terminated_can_be_launched_again_at_once(launch, script, fleet, account):
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


def test_a_launch_of_fewer_than_asked_says_so_and_leaves_all_of_them_tagged(launch, fleet, account, ec2, hosts_in):
    ec2.origin.capacity = 2

    ran = launch("--count", "3")

    assert ran.exit_code == 1
    assert ran.stderr == (
        f"{fleet}: boxes launched: 2, running and well: 2\n"
        "error: AWS launched 2 of the 3 boxes that were lacking\n"
        "hint: launch again later, with another --subnet or --instance-type, or terminate\n"
    )
    assert sorted(hosts_in(ran.stdout)) == account.running(fleet)
    assert all(tags_of(instance)["diarize-runner"] == fleet for instance in account.instances(fleet))


def test_what_was_missing_is_launched_by_the_next_launch(launch, fleet, account, ec2):
    ec2.origin.capacity = 2
    assert launch("--count", "3", "--json").document["missing"] == 1
    ec2.origin.capacity = 3

    ran = launch("--count", "3", "--json")

    assert (ran.exit_code, len(ran.document["launched"]), ran.document["missing"]) == (0, 1, 0)
    assert len(account.running(fleet)) == 3


def test_a_box_that_ends_while_it_starts_is_an_error_that_says_why(launch, fleet, account, ec2):
    def end_it(handler, request, origin):
        account.client().terminate_instances(InstanceIds=account.running(fleet))
        handler.send(origin(request))

    ec2.fails(changed(lambda answer: answer), end_it, when=asks_for("DescribeInstances"))

    ran = launch()

    assert (ran.exit_code, ran.stdout) == (1, "")
    assert "is terminated rather than running: " in ran.stderr
    assert ran.stderr.endswith("\nhint: launch again for another in its place\n")


def test_boxes_that_do_not_get_well_are_named(launch, order, account, ec2):
    launch("--count", "2")
    half = changed(lambda answer: replace(answer, body=answer.body.replace(b">ok<", b">initializing<", 1)))
    ec2.fails(half, half, when=asks_for("DescribeInstanceStatus"))
    aws = Aws.of(profile=None, region=None)

    with pytest.raises(FleetError, match=r"^not ready after 0 min: i-[0-9a-f]+$") as error:
        launch_boxes(aws, plan_launch(aws, order), Pace(pause=0, looks=2), Silent())

    assert error.value.hint == "launch again to wait on, or terminate"


@pytest.fixture
def order(fleet, account):
    """The test's fleet, as two boxes."""
    image = Image(id=account.image, name="", root_device="/dev/sda1", least_gib=8)
    return Order(
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
