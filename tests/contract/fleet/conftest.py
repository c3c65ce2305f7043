"""Fleets on moto's EC2, a simulation, through real boto3."""

import functools

import botocore.session
import pytest
import yaml
from support.buckets import sign_in
from support.ec2 import IMAGE_PARAMETER, LaunchesAsDocumented, make_account, price_list
from support.ran import ran
from support.web import relay, serving

from diarize_runner.cli.fleet import host_keys as host_keys_command
from diarize_runner.cli.fleet import launch as launch_command
from diarize_runner.cli.fleet import launch_box
from diarize_runner.fleet.pace import Pace


@pytest.fixture(autouse=True)
def alone(nothing_of_this_machine):
    """Let nothing of this machine's cloud account in."""


@pytest.fixture(scope="package", autouse=True)
def read_once():
    """Let all of boto3's sessions share its description of EC2: reading it takes longer than a launch does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", functools.cache(botocore.session.create_loader))
        yield


@pytest.fixture(scope="session")
def account(moto_cloud):
    return make_account(moto_cloud)


@pytest.fixture
def ec2(moto_cloud, account, monkeypatch):
    """A server in front of moto that answers for EC2, and fails when it is told to."""
    with serving(LaunchesAsDocumented(relay(moto_cloud.url))) as server:
        sign_in(monkeypatch, moto_cloud.behind(server.url))
        yield server


@pytest.fixture
def prices(monkeypatch):
    """A server that answers for the Price List."""
    with serving(price_list("0.5260000000")) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_PRICING", server.url)
        yield server


@pytest.fixture
def script(capsys, monkeypatch):
    """Run scripts/launch_box.py in this process; a simulation need not be waited for."""
    for command in (launch_command, host_keys_command):
        monkeypatch.setattr(command, "Pace", lambda: Pace(pause=0.01, looks=5))
    return lambda *arguments: ran(capsys, launch_box, *arguments)


@pytest.fixture
def fleet(request):
    """A name that no other test has."""
    return request.node.name.replace("[", "-").replace("]", "").replace(" ", "-")[:63]


@pytest.fixture
def launch(script, fleet, account, ec2):
    """Launch the test's fleet; later options override earlier ones."""

    def launch(*options):
        order = ["--name", fleet, "--subnet", account.subnet, "--key", "operator", "--instance-profile", "boxes"]
        image = [] if "--ami" in options else ["--ami-parameter", IMAGE_PARAMETER]
        return script("launch", *order, *image, "--store", "s3://models/prod", *options)

    return launch


@pytest.fixture
def hosts_in():
    """Return the hosts of a YAML inventory."""
    return lambda text: yaml.safe_load(text)["diarize_boxes"]["hosts"]
