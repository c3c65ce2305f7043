"""Errors of a launch on moto's simulated EC2: one message, one hint, nothing launched."""

import pytest
from support.aws_refusals import refusals_of
from support.ec2 import IMAGE_PARAMETER, action_of, asks_for, refusal
from support.web import Answer, responds_with

from diarize_runner.fleet.images import DEFAULT_PARAMETER

POLICY_HINT = "attach docs/aws/launcher-policy.json; its iam:PassRole must name the role of --instance-profile"
CREDENTIALS_HINT = (
    "boto3 finds them by AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws or the machine's role"
)
RUN = "ec2:RunInstances in us-east-1"
G_QUOTA = "request more vCPUs (a g4dn.xlarge has 4) under Service Quotas, EC2"

REFUSED = {
    "UnauthorizedOperation": ("access denied", POLICY_HINT),
    "InsufficientInstanceCapacity": (
        "the zone has no capacity left for this instance type",
        "use a --subnet in another zone or another --instance-type, or add or drop --spot",
    ),
    "Unsupported": (
        "the zone does not offer this instance type",
        "run: aws ec2 describe-instance-type-offerings --location-type availability-zone",
    ),
    "VcpuLimitExceeded": (
        "the account's quota of vCPUs is used up",
        f"{G_QUOTA}, Running On-Demand G and VT instances",
    ),
    "MaxSpotInstanceCountExceeded": (
        "the account's quota of vCPUs on spot is used up",
        f"{G_QUOTA}, All G and VT Spot Instance Requests",
    ),
    "InsufficientFreeAddressesInSubnet": ("the subnet has too few free addresses", "use another --subnet"),
    "InvalidGroup.NotFound": (
        "there is no such security group in the subnet's VPC",
        "run: aws ec2 describe-security-groups",
    ),
    "InvalidKeyPair.NotFound": (
        "there is no such key pair in this region",
        "run: aws ec2 describe-key-pairs; or pass --ssm, which needs no key pair",
    ),
    "AuthFailure": ("the credentials were refused", CREDENTIALS_HINT),
    "RequestExpired": ("the credentials have expired", "sign in again, for example: aws sso login"),
}


@pytest.fixture
def refused(account, fleet):
    """Assert that a launch failed with this error, and launched nothing."""

    def refused(ran, message, hint):
        assert (ran.exit_code, ran.stdout, ran.stderr) == (1, "", f"error: {message}\nhint: {hint}\n")
        assert account.instances(fleet) == []

    return refused


@pytest.mark.parametrize("code", REFUSED)
def test_a_known_error_code_is_explained(code, launch, refused, ec2):
    ec2.fails(responds_with(refusal(code, message="a secret")), when=asks_for("RunInstances"))

    explanation, hint = REFUSED[code]
    refused(launch(), f"{RUN}: {explanation} ({code})", hint)


@pytest.mark.parametrize("met", refusals_of("ec2"), ids=str)
def test_a_refusal_names_the_action_and_what_decided(met, launch, account, fleet, ec2):
    ec2.fails(responds_with(refusal(met.code, met.xml_message)), times=9, when=asks_for(met.operation))

    ran = launch()

    error, hint = ran.stderr.splitlines()
    assert met.sentence in error
    assert error.endswith(f" ({met.code})")
    assert met.hint in hint
    assert "Encoded authorization" not in ran.stderr
    assert account.instances(fleet) == []


def test_a_missing_token_file_is_an_error_also_as_json(launch, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/launcher")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/secrets/no/token")

    ran = launch("--json")

    assert ran.exit_code == 1
    assert "/var/run/secrets/no/token cannot be read: No such file or directory" in ran.document["error"]
    assert ran.document["hint"] == "check AWS_WEB_IDENTITY_TOKEN_FILE"


def test_an_unknown_error_code_is_printed_with_the_message_of_ec2(launch, refused, ec2):
    message = "Value (boxes) for parameter iamInstanceProfile.name is invalid."
    ec2.fails(responds_with(refusal("InvalidParameterValue", message)), when=asks_for("RunInstances"))

    refused(
        launch(),
        f"{RUN}: {message} (InvalidParameterValue)",
        "see https://docs.aws.amazon.com/ec2/latest/devguide/errors-overview.html",
    )


def test_a_throttled_call_is_retried(launch, ec2):
    ec2.fails(responds_with(refusal("RequestLimitExceeded")), when=asks_for("DescribeInstances"))

    assert launch().exit_code == 0


def test_a_response_that_is_not_from_ec2(launch, refused, ec2):
    page = Answer(status=200, body=b"<!doctype html><p>Welcome!")
    ec2.fails(responds_with(page), times=9, when=asks_for("RunInstances"))

    refused(launch(), f"{RUN}: the response is not from AWS", "check AWS_ENDPOINT_URL and HTTPS_PROXY")


def test_an_image_that_does_not_exist(launch, refused):
    refused(
        launch("--ami", "ami-00000000"),
        "ec2:DescribeImages in us-east-1: there is no such image in this region (InvalidAMIID.NotFound)",
        "use an --ami of this region, or --ami-parameter, which exists in every region",
    )


def test_a_parameter_that_names_no_image_in_this_region(launch, refused):
    refused(
        launch("--ami-parameter", DEFAULT_PARAMETER),  # moto does not have it
        "ssm:GetParameter in us-east-1: there is no such parameter in this region (ParameterNotFound)",
        "run: aws ssm get-parameters-by-path --recursive --path /aws/service/deeplearning/ami/x86_64",
    )


def test_an_image_for_another_processor(launch, refused, ec2, account):
    def for_arm(handler, request, origin):
        answer = origin(request)
        handler.send(Answer(status=200, body=answer.body.replace(b">x86_64<", b">arm64<")))

    ec2.fails(for_arm, when=asks_for("DescribeImages"))

    refused(launch(), f"{account.image} is for arm64", "use an x86-64 image: the locks hold no other wheels")


def test_a_subnet_that_does_not_exist(launch, refused):
    refused(
        launch("--subnet", "subnet-00000000"),
        f"{RUN}: there is no such subnet in this region (InvalidSubnetID.NotFound)",
        "run: aws ec2 describe-subnets",
    )


def test_no_credentials_anywhere(launch, refused, ec2, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    refused(launch(), "ssm:GetParameter in us-east-1: no credentials were found", CREDENTIALS_HINT)


def test_a_profile_that_does_not_exist(launch, refused):
    refused(
        launch("--profile", "nobody"),
        "boto3: the profile in AWS_PROFILE does not exist",
        "aws configure list-profiles",
    )


def test_a_server_that_is_down(launch, refused, ec2, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

    refused(
        launch(),
        "ssm:GetParameter in us-east-1: the server cannot be reached",
        "check the network, the region (AWS_DEFAULT_REGION) and AWS_ENDPOINT_URL",
    )


def test_an_endpoint_that_is_not_an_address(launch, refused, ec2, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "somewhere")

    refused(launch(), "ssm: AWS_ENDPOINT_URL is not an address", "set it to an address such as https://ec2.example.org")


def test_a_region_on_the_command_line_overrides_the_environment(launch, ec2, account):
    ran = launch("--region", "eu-central-1")  # moto has no such parameter there

    assert ran.stderr.startswith("error: ssm:GetParameter in eu-central-1: there is no such parameter")


USAGE = {
    "not a fleet name": (["--name", "*"], "'*' is not a fleet name"),
    "no box": (["--count", "0"], "--count 0 is out of range"),
    "too small a volume": (["--volume-gib", "1"], "does not fit into 1 GiB"),
    "a spot box that stops on shutdown": (["--spot", "--on-shutdown", "stop"], "a spot box cannot be stopped"),
    "a store on the operator's disk": (["--store", "file:///models"], "only from S3 or over HTTPS, not from file:"),
    "a store without TLS": (["--store", "http://host/models"], "only from S3 or over HTTPS, not from http://host"),
    "not a store": (["--store", "models"], "'models' is not a store address"),
    "a password in the address": (
        ["--store", "https://me:hunter2@host/models"],
        "the store address contains a user or a password",
    ),
    "two images": (["--ami", "ami-1", "--ami-parameter", "/x"], "not allowed with argument"),
}


@pytest.mark.parametrize("what", USAGE)
def test_invalid_options_exit_with_2(what, launch, ec2):
    options, message = USAGE[what]

    ran = launch(*options)

    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr.startswith("error: ")
    assert message in ran.stderr.splitlines()[0]
    assert ran.stderr.splitlines()[1].startswith("hint: ")
    assert "hunter2" not in ran.stderr
    assert "RunInstances" not in map(action_of, ec2.requests)


def test_a_launch_without_key_pair_and_ssm_exits_with_2(script, fleet, account, ec2):
    options = ["--name", fleet, "--subnet", account.subnet, "--instance-profile", "boxes"]

    ran = script("launch", *options, "--ami-parameter", IMAGE_PARAMETER, "--store", "s3://models")

    assert (ran.exit_code, ran.stderr) == (
        2,
        "error: ssh could not log in to these boxes\nhint: pass --key NAME, or --ssm, or both\n",
    )


def test_a_launch_without_region_exits_with_2(launch, ec2, monkeypatch):
    monkeypatch.delenv("AWS_DEFAULT_REGION")

    ran = launch()

    assert (ran.exit_code, ran.stderr) == (
        2,
        "error: no region is set\nhint: pass --region us-east-1, or set AWS_DEFAULT_REGION\n",
    )
