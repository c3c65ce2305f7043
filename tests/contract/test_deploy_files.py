"""deploy/: compose, quadlet and the Makefile name what exists, and the page documents each target and variable."""

import json
import os
import re
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import jsonschema
import pytest
import yaml
from support.deployments import DEPLOY, containers, of_kind, pod_specs, render

from diarize_runner.cli import build_parser
from diarize_runner.service.environment import settings_from_environment
from diarize_runner.service.settings import DEFAULT_FOLDER

ROOT = DEPLOY.parent
DOCS = ROOT / "docs"
# Of https://github.com/compose-spec/compose-spec, as the package docker-compose 1.29.2 holds it (Apache-2.0).
SCHEMA = ROOT / "tests/vectors/compose/compose_spec.json"
TARGETS_OF_THE_DOCUMENTS = {
    *("help", "build", "push", "deploy", "undeploy", "status", "logs", "test", "test-diarize", "create-secret"),
    *("full", "deploy-local", "deploy-k8s"),
}


@pytest.fixture(scope="module")
def service():
    """Return the service of compose.yaml."""
    document = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return document["services"]["diarize-runner"]


@pytest.fixture(scope="module")
def unit():
    """Return the quadlet unit; of a key that comes twice, a list of both values."""
    parser = ConfigParser(
        strict=False, interpolation=None, dict_type=_Repeated, delimiters="=", empty_lines_in_values=False
    )
    parser.optionxform = str
    parser.read(DEPLOY / "quadlet/diarize-runner.container", encoding="utf-8")
    return {section: dict(parser[section]) for section in parser.sections()}


class _Repeated(dict):
    """Keeps all values of a key."""

    def __setitem__(self, key, value):
        if key in self and isinstance(value, list):
            self[key].extend(value)
        else:
            super().__setitem__(key, value)


def test_the_schema_accepts_the_compose_file():
    schema = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    schema.validate(yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8")))
    with pytest.raises(jsonschema.ValidationError):
        schema.validate({"services": {"a": {"port": ["1:1"]}}})


def test_the_service_of_compose_is_confined(service):
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_compose_serves_its_port_and_checks_its_health(service):
    arguments = build_parser(service["command"]).parse_args(service["command"])
    assert service["ports"] == [f"127.0.0.1:{arguments.port}:{arguments.port}"]
    assert service["healthcheck"]["test"][-1] == f"http://127.0.0.1:{arguments.port}/livez"
    assert f"data:{DEFAULT_FOLDER}" in service["volumes"]


def test_the_service_understands_each_variable_of_the_example():
    lines = [line.removeprefix("# ") for line in (DEPLOY / ".env.example").read_text(encoding="utf-8").splitlines()]
    variables = dict(line.split("=", 1) for line in lines if re.fullmatch(r"[A-Z_]+=\S+", line))
    assert len(variables) == 4
    changed = [
        name
        for name, value in variables.items()
        if settings_from_environment({name: value}) != settings_from_environment({})
    ]
    assert set(variables) - set(changed) <= {"BATCH_SIZE", "MAX_CONCURRENT_JOBS"}  # the example shows their defaults


def test_the_unit_of_podman_is_confined_as_compose_is(unit, service):
    container = unit["Container"]
    assert (container["ReadOnly"], container["DropCapability"], container["NoNewPrivileges"]) == ("true", "ALL", "true")
    assert container["Exec"].split() == service["command"]
    assert container["PublishPort"] == service["ports"][0]
    assert container["HealthCmd"].split() == ["curl", *service["healthcheck"]["test"][2:]]


def make(*words, **variables):
    given = [f"{name}={value}" for name, value in variables.items()]
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    command = ["make", "--no-print-directory", "-C", str(DEPLOY), *words, *given]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def targets():
    return {line.split()[0] for line in make("help").stdout.splitlines() if not line.startswith("Variables:")}


def test_the_targets_of_the_reference_documents_exist():
    assert targets() >= TARGETS_OF_THE_DOCUMENTS


@pytest.mark.parametrize("target", sorted(TARGETS_OF_THE_DOCUMENTS))
def test_the_commands_of_a_target_can_be_printed(target):
    printed = make("--dry-run", target)
    assert printed.returncode == 0, printed.stderr
    assert printed.stdout


def test_the_page_documents_each_target_and_variable():
    page = (DOCS / "openshift.md").read_text(encoding="utf-8")
    (listed,) = [line for line in make("help").stdout.splitlines() if line.startswith("Variables:")]
    missing = [name for name in [*targets(), *listed.split()[1:]] if not re.search(rf"\b{name}\b", page)]
    assert missing == []


@pytest.fixture
def rendered(tmp_path):
    """Return what `make deploy` applies, with variables of its own."""
    deploy = tmp_path / "deploy"
    shutil.copytree(DEPLOY, deploy, ignore=shutil.ignore_patterns(".rendered"))
    settings = ["NAMESPACE=voices", "REGISTRY=quay.io/org", "IMAGE_TAG=1.0", "PULL_SECRET=pull", "OVERLAY=airgap"]
    command = ["make", "-C", str(deploy), "KUBECTL=true", *settings, "deploy"]
    subprocess.run(command, check=True, capture_output=True, env={"PATH": os.environ["PATH"]})
    return render(deploy / ".rendered")


def test_deploy_sets_the_namespace_the_image_and_the_pull_secret(rendered):
    assert {item["metadata"]["namespace"] for item in rendered} == {"voices"}
    assert {container["image"] for container in containers(rendered)} == {"quay.io/org/diarize-runner:1.0"}
    assert all(pod["imagePullSecrets"] == [{"name": "pull"}] for pod in pod_specs(rendered).values())


def test_undeploy_selects_all_but_the_volumes(rendered):
    kept = [item for item in rendered if item["metadata"]["labels"].get("keep") == "true"]
    assert kept == of_kind(rendered, "PersistentVolumeClaim")
    assert all(item["metadata"]["labels"]["app"] == "diarize-runner" for item in rendered)
    assert "--selector 'app=diarize-runner,keep!=true'" in make("--dry-run", "undeploy").stdout


def test_the_secret_holds_the_file_that_the_service_reads(tmp_path):
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed")
    (tmp_path / "keys.json").write_text("{}")
    command = make("--dry-run", "create-secret").stdout.replace("\\\n", "")
    (create,) = [line.split("|")[0].split() for line in command.splitlines() if "create secret" in line]
    create = [word.replace("keys/keys.json", str(tmp_path / "keys.json")) for word in create]
    made = subprocess.run(create, capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]})
    secret = yaml.safe_load(made.stdout)
    (container,) = containers(render(DEPLOY / "kubernetes/base"))
    (path,) = [entry["value"] for entry in container["env"] if entry["name"] == "DIARIZE_RUNNER_SERVICE_KEYS"]
    assert secret["metadata"]["name"] == "diarize-runner-keys"
    assert list(secret["data"]) == [Path(path).name]
