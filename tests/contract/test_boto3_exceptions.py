"""Each call of boto3 raises what it documents, and what it does not: the command ends in one sentence and a hint."""

import inspect
from contextlib import contextmanager

import boto3.exceptions
import pytest
from botocore import exceptions
from botocore.parsers import ResponseParserError
from support.buckets import QUICK, Cloud, sign_in
from support.run_main import run_main

from diarize_runner.cli import main
from diarize_runner.errors import FleetError, StoreError
from diarize_runner.fleet.aws import Aws
from diarize_runner.store.s3.store import S3Store

pytestmark = pytest.mark.usefixtures("isolated_environment")

SECRET = "AKIAIOSFODNN7EXAMPLE"


def raised_by(kind):
    """Return an instance without the arguments of its constructor, with a key in its message."""
    if issubclass(kind, exceptions.ClientError):
        return kind({"Error": {"Code": "Unknown", "Message": f"no luck with {SECRET}"}}, "GetObject")
    made = kind.__new__(kind)
    made.args = (f"no luck with {SECRET}",)
    return made


def defined_in(module, base):
    kinds = {each for each in vars(module).values() if inspect.isclass(each) and issubclass(each, base)}
    return sorted(kinds, key=lambda kind: kind.__name__)


# FlexibleChecksumError and others derive from BotoCoreError; the few that do not are bugs of a service's description.
DOCUMENTED = [
    *defined_in(exceptions, exceptions.BotoCoreError),
    *defined_in(exceptions, exceptions.ClientError),
    ResponseParserError,
]
FILES = [FileNotFoundError(2, "No such file", "/token"), PermissionError(13, "denied", "/token"), OSError()]
REASONS = [*map(raised_by, DOCUMENTED), *FILES]


@pytest.fixture(scope="module")
def clients():
    """A bucket and EC2, whose calls raise what the test registers before they are sent."""
    with pytest.MonkeyPatch.context() as patch:
        sign_in(patch, Cloud(url="http://127.0.0.1:1"))
        yield S3Store.at("s3://models", QUICK), Aws.of(profile=None, region="us-east-1")


@contextmanager
def raising(client, reason):
    def fail(**_):
        raise reason

    client.meta.events.register("before-call", fail)
    yield
    client.meta.events.unregister("before-call", fail)


@pytest.mark.parametrize(
    "reason", [*REASONS, *map(raised_by, defined_in(boto3.exceptions, boto3.exceptions.Boto3Error))]
)
def test_a_call_of_s3_that_raises_is_an_error_of_the_store(reason, clients):
    store, _ = clients
    with raising(store._client, reason), pytest.raises(StoreError) as error:
        store.read("key")
    require_sentence(error.value)


@pytest.mark.parametrize("reason", REASONS)
def test_a_call_of_ec2_that_raises_is_an_error_of_the_fleet(reason, clients):
    _, aws = clients
    with raising(aws._client("ec2"), reason), pytest.raises(FleetError) as error:
        aws.call("ec2", "describe_instances")
    require_sentence(error.value)


def require_sentence(error):
    assert error.message
    assert error.hint
    assert "\n" not in error.message + error.hint
    assert SECRET not in error.message + error.hint


@pytest.mark.parametrize("reason", [RuntimeError("no luck"), KeyError("no luck"), MemoryError()], ids=repr)
def test_an_undocumented_exception_ends_the_command_with_an_error_and_a_hint(reason, monkeypatch, capsys):
    sign_in(monkeypatch, Cloud(url="http://127.0.0.1:1"))
    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", lambda *_, **__: fail(reason))
    ran = run_main(capsys, main, "cache", "list", "--store", "s3://models", "--json")
    assert ran.exit_code == 1
    assert ran.document["error"]
    assert ran.document["hint"]
    assert "Traceback" not in ran.stderr


def fail(reason):
    raise reason
