"""Everything that can be wrong about a launch: one sentence, one hint, nothing launched. EC2 is moto, a simulation."""

import pytest
from support.ec2 import IMAGE_PARAMETER, action_of, asks_for, refusal
from support.web import Answer, says_what

from diarize_runner.fleet.images import DEFAULT_PARAMETER

ALLOWED = "docs/aws/launcher-policy.json allows all of it; iam:PassRole must name the role of --instance-profile"
HOW_TO_NAME_CREDENTIALS = (
    "boto3 finds them by AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws or the machine's role"
)
RUN = "ec2:RunInstances in us-east-1"
G_QUOTA = "a g4dn.xlarge takes 4 of them. Ask for more under Service Quotas, EC2"

REFUSED = {
    "UnauthorizedOperation": ("you are not allowed to", ALLOWED),
    "InsufficientInstanceCapacity": (
        "AWS has no such machine free in that zone now",
        "take a --subnet in another zone, another --instance-type, on demand for --spot or the other way round",
    ),
    "Unsupported": (
        "AWS has no such machine in that zone at all",
        "aws ec2 describe-instance-type-offerings --location-type availability-zone lists who has what",
    ),
    "VcpuLimitExceeded": (
        "the account's quota of vCPUs is used up",
        f"{G_QUOTA}, Running On-Demand G and VT instances",
    ),
    "MaxSpotInstanceCountExceeded": (
        "the account's quota of vCPUs on spot is used up",
        f"{G_QUOTA}, All G and VT Spot Instance Requests",
    ),
    "InsufficientFreeAddressesInSubnet": ("the subnet has too few free addresses", "take another --subnet"),
    "InvalidGroup.NotFound": (
        "there is no such security group in the subnet's VPC",
        "aws ec2 describe-security-groups",
    ),
    "InvalidKeyPair.NotFound": (
        "there is no such key pair in this region",
        "aws ec2 describe-key-pairs; --ssm needs none",
    ),
    "AuthFailure": ("the credentials were refused", HOW_TO_NAME_CREDENTIALS),
    "RequestExpired": ("the credentials have expired", "sign in again, as with: aws sso login"),
}


@pytest.fixture
def refused(account, fleet):
    """Check an error, and that it left nothing."""

    def refused(ran, message, hint):
        assert (ran.exit_code, ran.stdout, ran.stderr) == (1, "", f"error: {message}\nhint: {hint}\n")
        assert account.instances(fleet) == []

    return refused


@pytest.mark.parametrize("code", REFUSED)
def test_what_ec2_refuses_a_launch_with(code, launch, refused, ec2):
    ec2.fails(says_what(refusal(code, message="a secret")), when=asks_for("RunInstances"))

    sentence, hint = REFUSED[code]
    refused(launch(), f"{RUN}: {sentence} ({code})", hint)


def test_what_nobody_has_a_sentence_for_is_said_in_ec2_s_own(launch, refused, ec2):
    message = "Value (boxes) for parameter iamInstanceProfile.name is invalid."
    ec2.fails(says_what(refusal("InvalidParameterValue", message)), when=asks_for("RunInstances"))

    refused(
        launch(),
        f"{RUN}: {message} (InvalidParameterValue)",
        "https://docs.aws.amazon.com/ec2/latest/devguide/errors-overview.html explains it",
    )


def test_an_overloaded_ec2_is_asked_again(launch, ec2):
    ec2.fails(says_what(refusal("RequestLimitExceeded")), when=asks_for("DescribeInstances"))

    assert launch().exit_code == 0


def test_an_ec2_that_answers_nonsense(launch, refused, ec2):
    page = Answer(status=200, body=b"<!doctype html><p>Welcome!")
    ec2.fails(says_what(page), times=9, when=asks_for("RunInstances"))

    refused(launch(), f"{RUN}: the answer is not AWS's", "check AWS_ENDPOINT_URL and HTTPS_PROXY")


def test_an_image_that_is_not_there(launch, refused):
    refused(
        launch("--ami", "ami-00000000"),
        "ec2:DescribeImages in us-east-1: there is no such image in this region (InvalidAMIID.NotFound)",
        "an --ami is of one region; --ami-parameter names the same image in every region",
    )


def test_a_parameter_that_names_no_image_in_this_region(launch, refused):
    refused(
        launch("--ami-parameter", DEFAULT_PARAMETER),  # which moto does not have
        "ssm:GetParameter in us-east-1: there is no such parameter in this region (ParameterNotFound)",
        "aws ssm get-parameters-by-path --recursive --path /aws/service/deeplearning/ami/x86_64",
    )


def test_an_image_for_another_processor(launch, refused, ec2, account):
    def for_arm(handler, request, origin):
        answer = origin(request)
        handler.send(Answer(status=200, body=answer.body.replace(b">x86_64<", b">arm64<")))

    ec2.fails(for_arm, when=asks_for("DescribeImages"))

    refused(launch(), f"{account.image} is for arm64", "the locks hold wheels for x86-64, which a g4dn is")


def test_a_subnet_that_is_not_there(launch, refused):
    refused(
        launch("--subnet", "subnet-00000000"),
        f"{RUN}: there is no such subnet in this region (InvalidSubnetID.NotFound)",
        "aws ec2 describe-subnets",
    )


def test_no_credentials_anywhere(launch, refused, ec2, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    refused(launch(), "ssm:GetParameter in us-east-1: no credentials were found", HOW_TO_NAME_CREDENTIALS)


def test_a_profile_that_is_not_there(launch, refused):
    refused(
        launch("--profile", "nobody"),
        "boto3: there is no such profile as AWS_PROFILE names",
        "aws configure list-profiles",
    )


def test_a_server_that_is_down(launch, refused, ec2, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

    refused(
        launch(),
        "ssm:GetParameter in us-east-1: the server cannot be reached",
        "check the network, the region (AWS_DEFAULT_REGION) and AWS_ENDPOINT_URL",
    )


def test_an_address_of_a_server_that_is_none(launch, refused, ec2, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "somewhere")

    refused(launch(), "ssm: AWS_ENDPOINT_URL is no address", "such as https://ec2.example.org")


def test_a_region_on_the_command_line_comes_before_the_environment(launch, ec2, account):
    ran = launch("--region", "eu-central-1")  # where moto's account has no such parameter

    assert ran.stderr.startswith("error: ssm:GetParameter in eu-central-1: there is no such parameter")


USAGE = {
    "no name for a fleet": (["--name", "*"], "'*' is no name for a fleet"),
    "no box": (["--count", "0"], "a fleet of 0 cannot be launched"),
    "too small a volume": (["--volume-gib", "1"], "does not fit into 1 GiB"),
    "a spot box that is to be stopped": (["--spot", "--on-shutdown", "stop"], "a spot box cannot be stopped"),
    "a store on the operator's disk": (["--store", "file:///models"], "a box would not fetch a script"),
    "a store that anybody on the way can change": (["--store", "http://host/models"], "a box would not fetch a script"),
    "a store that is none": (["--store", "models"], "'models' is not the address of a store"),
    "a password in the address": (["--store", "https://me:hunter2@host/models"], "no user and no password"),
    "two images": (["--ami", "ami-1", "--ami-parameter", "/x"], "not allowed with argument"),
}


@pytest.mark.parametrize("what", USAGE)
def test_an_order_that_makes_no_sense_is_exit_2(what, launch, ec2):
    options, sentence = USAGE[what]

    ran = launch(*options)

    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr.startswith("error: ")
    assert sentence in ran.stderr.splitlines()[0]
    assert ran.stderr.splitlines()[1].startswith("hint: ")
    assert "hunter2" not in ran.stderr
    assert "RunInstances" not in map(action_of, ec2.requests)


def test_a_box_that_nobody_could_log_in_to_is_exit_2(script, fleet, account, ec2):
    order = ["--name", fleet, "--subnet", account.subnet, "--instance-profile", "boxes"]

    ran = script("launch", *order, "--ami-parameter", IMAGE_PARAMETER, "--store", "s3://models")

    assert (ran.exit_code, ran.stderr) == (
        2,
        "error: nobody could log in\nhint: --key NAME, or --ssm, which needs no key pair, or both\n",
    )


def test_no_region_anywhere_is_exit_2(launch, ec2, monkeypatch):
    monkeypatch.delenv("AWS_DEFAULT_REGION")

    ran = launch()

    assert (ran.exit_code, ran.stderr) == (
        2,
        "error: no region is named\nhint: --region us-east-1, or AWS_DEFAULT_REGION\n",
    )
