"""Plan a launch on moto's simulated EC2: the whole request, AWS's price, and no resource created."""

import json

import pytest
from support.ec2 import IMAGE_PARAMETER, action_of, asks_for, price_list, refusal
from support.web import Answer, responds_with

MAKING = {"RunInstances", "CreateTags", "TerminateInstances"}


def test_a_plan_prints_every_parameter_and_creates_nothing(launch, fleet, account, ec2, prices):
    ran = launch("--count", "2", "--plan", "--json")

    assert account.instances(fleet) == []
    assert ran.document["changed"] is True
    assert ran.document["to_launch"] == 2
    assert ran.document["zone"] == "us-east-1a"
    assert ran.document["image"].startswith("ubuntu/images/")
    launch("--count", "2")
    assert _run_fields(ec2, dry_run=True) == _run_fields(ec2, dry_run=False)
    assert ran.document["request"]["MetadataOptions"]["HttpTokens"] == "required"


def _run_fields(ec2, *, dry_run):
    bodies = [request.body.decode() for request in ec2.requests if action_of(request) == "RunInstances"]
    (body, *_) = [body for body in bodies if ("DryRun=true" in body) is dry_run]
    return {field for field in body.split("&") if not field.startswith(("DryRun", "ClientToken"))}


def test_a_plan_prints_the_price_and_its_source(launch, fleet, ec2, prices):
    ran = launch("--count", "2", "--plan")

    assert ran.stderr == ""
    assert f"{fleet}: existing boxes: 0, to launch in us-east-1a: 2\n" in ran.stdout
    assert "\nInstanceType: g4dn.xlarge\n" in ran.stdout
    assert ran.stdout.endswith(
        "price: 0.526 USD an hour per box; 1.052 USD an hour and 25.25 USD in 24 hours for a fleet of 2. "
        "Volumes, traffic and public addresses cost extra.\n"
        "Source: the AWS Price List for us-east-1, published 2026-11-18T22:18:09Z.\n"
    )


def test_the_price_for_any_region_is_requested_from_us_east_1(launch, account, ec2, prices, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    account.client("ssm", "us-west-2").put_parameter(Name=IMAGE_PARAMETER, Value=account.image, Type="String")
    subnet = account.client("ec2", "us-west-2").describe_subnets()["Subnets"][0]["SubnetId"]

    launch("--plan", "--subnet", subnet)

    (request,) = prices.requests
    assert "/us-east-1/pricing/aws4_request" in request.headers["Authorization"]
    assert {each["Field"]: each["Value"] for each in json.loads(request.body)["Filters"]} == {
        "instanceType": "g4dn.xlarge",
        "regionCode": "us-west-2",
        "operatingSystem": "Linux",
        "preInstalledSw": "NA",
        "tenancy": "Shared",
        "capacitystatus": "Used",
    }


def test_the_spot_price_is_the_latest_in_the_zone_of_the_subnet(launch, ec2):
    price = launch("--spot", "--plan", "--json").document["price"]

    assert price == {
        "usd_per_box_hour": 0.00001,  # moto's
        "usd_per_hour": 0.00001,
        "usd_per_24_hours": 0.00024,
        "source": "the spot price history of us-east-1a, since 2006-01-02T15:04:05Z",
    }


NO_PRICES = {
    "none": (price_list(), "the AWS Price List has 0 prices for a g4dn.xlarge in us-east-1"),
    "two": (price_list("0.5", "0.6"), "the AWS Price List has 2 prices for a g4dn.xlarge in us-east-1"),
    "free of charge": (price_list("0.0"), "the AWS Price List has 0 prices for a g4dn.xlarge in us-east-1"),
    "denied": (
        lambda _: Answer(status=400, body=b'{"__type": "AccessDeniedException", "Message": "no"}'),
        "pricing:GetProducts in us-east-1: access denied (AccessDeniedException)",
    ),
}


@pytest.mark.parametrize("what", NO_PRICES)
def test_without_a_single_price_from_aws_the_price_is_unknown(what, launch, ec2, prices):
    prices.origin, reason = NO_PRICES[what]

    text, document = launch("--plan"), launch("--plan", "--json").document

    assert (text.exit_code, text.stdout.splitlines()[-1]) == (0, f"price: unknown, {reason}")
    assert document["price"] == {"unknown": reason}


def test_without_permission_the_spot_price_is_unknown(launch, ec2):
    ec2.fails(responds_with(refusal("UnauthorizedOperation")), when=asks_for("DescribeSpotPriceHistory"))

    assert launch("--spot", "--plan", "--json").document["price"] == {
        "unknown": "ec2:DescribeSpotPriceHistory in us-east-1: access denied (UnauthorizedOperation)"
    }


def test_a_plan_fails_when_ec2_would_refuse_the_launch(launch, ec2, prices):
    ec2.fails(responds_with(refusal("UnauthorizedOperation")), when=asks_for("RunInstances"))

    ran = launch("--plan")

    assert (ran.exit_code, ran.stdout) == (1, "")
    assert ran.stderr.startswith("error: ec2:RunInstances in us-east-1: access denied (UnauthorizedOperation)\n")


def test_a_plan_for_a_complete_fleet_launches_nothing(launch, ec2, prices):
    launch()

    document = launch("--plan", "--json").document

    assert (document["changed"], document["to_launch"], document["request"]) == (False, 0, None)
    assert "InstanceType" not in launch("--plan").stdout


def test_the_volume_is_at_least_as_large_as_the_image(launch, ec2, prices, account):
    def large(handler, request, origin):
        size = f"<volumeSize>{account.image_gib}<".encode()
        handler.send(Answer(status=200, body=origin(request).body.replace(size, b"<volumeSize>80<")))

    ec2.fails(large, large, when=asks_for("DescribeImages"))

    (device,) = launch("--plan", "--json").document["request"]["BlockDeviceMappings"]
    assert device["Ebs"]["VolumeSize"] == 80
    assert launch("--plan", "--volume-gib", "60").exit_code == 2
