"""docs/aws.md and its policies: they allow the calls of the scripts, and nothing else."""

import json
import re
import shlex

import botocore.session
import pytest
from support.command import ROOT
from support.ec2 import action_of
from support.run_main import run_main

from diarize_runner.cli.fleet import build_parser, inventory_ec2
from diarize_runner.fleet.images import DEFAULT_PARAMETER

TEXT = (ROOT / "docs/aws.md").read_text()
POLICIES = {path.name: json.loads(path.read_text()) for path in sorted((ROOT / "docs/aws").glob("*.json"))}

# Permissions whose name differs from their operation's; see the Service Authorization Reference.
OPERATIONS = {
    "s3:ListBucket": "s3:ListObjectsV2",
    "s3:*": "s3:GetObject",
    "iam:PassRole": "ec2:RunInstances",
    "ssmmessages:OpenDataChannel": "ssm:StartSession",
}
IMPLIED_BY_LAUNCHING = {"iam:PassRole", "ec2:CreateTags"}


def as_list(value):
    return [value] if isinstance(value, str) else value


def actions_of(policy):
    return {action for statement in policy["Statement"] for action in as_list(statement["Action"])}


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_names_existing_actions(name):
    session = botocore.session.get_session()
    for action in actions_of(POLICIES[name]):
        service, operation = OPERATIONS.get(action, action).split(":")
        assert operation in session.get_service_model(service).operation_names, action


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_is_well_formed_and_allows_no_wildcard_action(name):
    policy = POLICIES[name]
    assert policy["Version"] == "2012-10-17"
    names = [statement["Sid"] for statement in policy["Statement"]]
    assert len(set(names)) == len(names)
    for statement in policy["Statement"]:
        assert set(statement) <= {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
        if statement["Effect"] == "Allow":
            assert not any("*" in action for action in as_list(statement["Action"]))


def test_the_launcher_policy_allows_exactly_the_calls_of_the_scripts(launch, script, fleet, ec2, prices, capsys):
    launch("--plan")
    launch("--spot", "--plan")
    launch()
    run_main(capsys, inventory_ec2, "--list")
    script("host-keys", "--name", fleet)
    script("terminate", "--name", fleet, "--yes")

    called = {action_of(request) for server in (ec2, prices) for request in server.requests}
    allowed = actions_of(POLICIES["launcher-policy.json"])
    assert {action.split(":")[1] for action in allowed - IMPLIED_BY_LAUNCHING} == called


def test_the_launcher_policy_is_limited_to_tagged_resources():
    statements = {each["Sid"]: each for each in POLICIES["launcher-policy.json"]["Statement"]}

    tag_is_set = {"aws:RequestTag/diarize-runner": "false"}
    assert statements["LaunchTaggedBoxesWithoutIMDSv1"]["Condition"]["Null"] == tag_is_set
    assert statements["LaunchTaggedVolumes"]["Condition"]["Null"] == tag_is_set
    for name in ("TerminateTaggedBoxes", "ReadHostKeysOfTaggedBoxes"):
        assert statements[name]["Condition"]["Null"] == {"aws:ResourceTag/diarize-runner": "false"}
    everywhere = [each["Sid"] for each in statements.values() if each["Resource"] == "*"]
    assert everywhere == ["DescribeBoxesAndPrices"]


BUCKET_ACTIONS = {
    "instance-profile-policy.json": {"s3:GetObject", "s3:ListBucket"},
    "publisher-policy.json": {"s3:GetObject", "s3:ListBucket", "s3:PutObject", "s3:AbortMultipartUpload"},
    "prune-policy.json": {"s3:GetObject", "s3:ListBucket", "s3:PutObject", "s3:DeleteObject"},
}


@pytest.mark.parametrize("name", BUCKET_ACTIONS)
def test_the_policies_of_a_store_are_limited_to_its_prefix(name):
    policy = POLICIES[name]

    assert actions_of(policy) == BUCKET_ACTIONS[name]
    get_objects, list_bucket = policy["Statement"]
    assert get_objects["Resource"] == "arn:aws:s3:::BUCKET/PREFIX/*"
    assert (list_bucket["Resource"], list_bucket["Condition"]) == (
        "arn:aws:s3:::BUCKET",
        {"StringLike": {"s3:prefix": "PREFIX/*"}},
    )


def test_the_bucket_policy_only_denies():
    assert {statement["Effect"] for statement in POLICIES["bucket-policy.json"]["Statement"]} == {"Deny"}


def test_every_policy_and_every_placeholder_in_it_is_documented():
    assert all(f"`{name}`" in TEXT for name in POLICIES)
    placeholders = set(re.findall(r"\b[A-Z]{4,}\b", json.dumps(POLICIES)))
    assert placeholders == {"ACCOUNT", "BUCKET", "PREFIX", "ROLE", "ENDPOINT"}
    assert all(f"-e 's|{placeholder}|" in TEXT for placeholder in placeholders)


def test_every_documented_command_can_be_parsed():
    commands = re.findall(r"^scripts/launch_box\.py (.+)", TEXT.replace("\\\n", " "), re.MULTILINE)

    parser = build_parser()
    assert len(commands) == 5
    for command in commands:
        parser.parse_args(shlex.split(command.partition(">")[0]))


def test_the_packer_template_bakes_the_default_image():
    assert f'"{DEFAULT_PARAMETER}"' in (ROOT / "docs/aws/box.pkr.hcl").read_text()
