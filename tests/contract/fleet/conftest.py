"""Fleets on moto's simulated EC2, through real boto3."""

import functools

import botocore.session
import pytest
import yaml
from support.buckets import sign_in
from support.ec2 import IMAGE_PARAMETER, DocumentedEc2, make_account, price_list
from support.run_main import run_main
from support.web import relay, serving

from diarize_runner.cli.fleet import host_keys as host_keys_command
from diarize_runner.cli.fleet import launch as launch_command
from diarize_runner.cli.fleet import launch_box
from diarize_runner.fleet.poll_policy import PollPolicy


@pytest.fixture(autouse=True)
def alone(isolated_environment):
    """Let nothing of this machine's cloud account in."""


@pytest.fixture(scope="package", autouse=True)
def read_once():
    """Share boto3's service model of EC2 between sessions: reading it takes longer than a launch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", functools.cache(botocore.session.create_loader))
        yield


@pytest.fixture(scope="session")
def account(moto_cloud):
    return make_account(moto_cloud)


@pytest.fixture
def ec2(moto_cloud, account, monkeypatch):
    """A proxy for moto's EC2 that can be told to fail."""
    with serving(DocumentedEc2(relay(moto_cloud.url))) as server:
        sign_in(monkeypatch, moto_cloud.behind(server.url))
        yield server


@pytest.fixture
def prices(monkeypatch):
    """A simulated Price List server."""
    with serving(price_list("0.5260000000")) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_PRICING", server.url)
        yield server


@pytest.fixture
def script(capsys, monkeypatch):
    """Run scripts/launch_box.py in this process, polling without long waits."""
    for command in (launch_command, host_keys_command):
        monkeypatch.setattr(command, "PollPolicy", lambda: PollPolicy(interval=0.01, attempts=5))
    return lambda *arguments: run_main(capsys, launch_box, *arguments)


@pytest.fixture
def fleet(request):
    """A fleet name that is unique to the test."""
    return request.node.name.replace("[", "-").replace("]", "").replace(" ", "-")[:63]


@pytest.fixture
def launch(script, fleet, account, ec2):
    """Launch the test's fleet; later options override earlier ones."""

    def launch(*options):
        required = ["--name", fleet, "--subnet", account.subnet, "--key", "operator", "--instance-profile", "boxes"]
        image = [] if "--ami" in options else ["--ami-parameter", IMAGE_PARAMETER]
        return script("launch", *required, *image, "--store", "s3://models/prod", *options)

    return launch


@pytest.fixture
def hosts_in():
    """Return the hosts of a YAML inventory."""
    return lambda text: yaml.safe_load(text)["diarize_boxes"]["hosts"]
