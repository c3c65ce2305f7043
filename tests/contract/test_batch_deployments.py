"""The batch in deploy/: the schemas accept it, and it agrees with the command, the roles and docs/batch.md."""

import fnmatch
import re
from pathlib import Path

import boto3
import kubernetes_validate
import pytest
import yaml
from moto import mock_aws
from support.batch_deployments import (
    REFERENCE,
    aws_command,
    job_definition,
    kubernetes_command,
    kubernetes_job,
    network_policy,
)
from support.deployments import KUBERNETES, overlay, render, the, variables

from diarize_runner.batch.summary import ONLY_PERMANENT_FAILURES
from diarize_runner.cli import build_parser
from diarize_runner.errors import UsageError

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/batch.md").read_text(encoding="utf-8")
RETRIED = (1, 3, 130, 137, 143)
"""Exit codes of errors that another run may not meet, and of signals."""


def section(name):
    """Return a section of the page."""
    return PAGE.split(f"\n## {name}\n")[1].split("\n## ")[0]


def parsed(words):
    return build_parser(words).parse_args(words)


@pytest.mark.parametrize("version", ["1.29", "1.34"])
def test_the_published_schemas_accept_the_job(version):
    for item in overlay("batch"):
        kubernetes_validate.validate(item, version, strict=True)


def test_each_index_of_the_job_is_a_shard():
    spec = kubernetes_job()["spec"]

    assert spec["completionMode"] == "Indexed"
    assert parsed(kubernetes_command()).shards == spec["completions"]
    assert spec["parallelism"] <= spec["completions"]
    assert spec["template"]["spec"]["restartPolicy"] == "Never", "podFailurePolicy requires it"


def action(exit_code):
    """Return what the rules of Kubernetes do when the container ends with a code; None: try again, up to the limit."""
    for rule in kubernetes_job()["spec"]["podFailurePolicy"]["rules"]:
        condition = rule.get("onExitCodes")
        if condition and exit_code in condition["values"]:
            assert (condition["containerName"], condition["operator"]) == ("batch", "In")
            return rule["action"]
    return None


def test_kubernetes_tries_an_index_again_unless_that_cannot_help():
    assert action(ONLY_PERMANENT_FAILURES) == "FailIndex"
    assert action(UsageError.exit_code) == "FailJob"
    assert {action(code) for code in RETRIED} == {None}
    assert kubernetes_job()["spec"]["backoffLimitPerIndex"] > 0


def test_a_pod_whose_node_goes_away_is_not_counted():
    rule = kubernetes_job()["spec"]["podFailurePolicy"]["rules"][-1]

    assert rule == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}


def test_a_pod_of_the_batch_reaches_only_dns_and_the_bucket():
    policy, job = network_policy(), kubernetes_job()
    dns, bucket = policy["egress"]

    assert policy["podSelector"]["matchLabels"] == job["spec"]["template"]["metadata"]["labels"]
    assert (policy["policyTypes"], policy["ingress"]) == (["Ingress", "Egress"], [])
    assert {entry["port"] for entry in dns["ports"]} == {53, 5353}
    assert all("namespaceSelector" in peer for peer in dns["to"])
    assert [peer["ipBlock"]["cidr"].endswith("/32") for peer in bucket["to"]] == [True]
    assert bucket["ports"] == [{"port": 443}]


def test_the_overlay_asks_for_a_gpu_and_the_base_does_not():
    (base,) = the(render(KUBERNETES / "batch"), "Job")["spec"]["template"]["spec"]["containers"]
    (container,) = kubernetes_job()["spec"]["template"]["spec"]["containers"]

    assert "DIARIZE_RUNNER_DEVICE" not in variables(base)
    assert variables(container)["DIARIZE_RUNNER_DEVICE"] == "cuda"
    for name in ("requests", "limits"):
        assert container["resources"][name] == base["resources"][name] | {"nvidia.com/gpu": "1"}


def test_the_models_of_a_batch_may_be_on_the_volume_of_the_service(tmp_path):
    (tmp_path / "kubernetes").symlink_to(KUBERNETES)
    document = {"resources": ["kubernetes/overlays/batch"], "components": ["kubernetes/components/models-volume"]}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(document))
    jobs = {item["metadata"]["name"]: item for item in render(tmp_path) if item["kind"] == "Job"}
    pod = jobs["diarize-runner-batch"]["spec"]["template"]["spec"]

    (container,), (volume,) = pod["containers"], [each for each in pod["volumes"] if each["name"] == "models"]
    (mount,) = [each for each in container["volumeMounts"] if each["name"] == "models"]
    restore = jobs["diarize-runner-restore"]["spec"]["template"]["spec"]["containers"][0]["args"]
    assert volume["persistentVolumeClaim"] == {"claimName": "diarize-runner-models", "readOnly": True}
    assert mount["readOnly"]
    assert variables(container)["DIARIZE_RUNNER_CACHE"] == restore[restore.index("--into") + 1]


def test_the_kustomization_of_the_page_changes_the_job_as_it_says(tmp_path):
    (tmp_path / "kubernetes").symlink_to(KUBERNETES)
    (own := tmp_path / "own").mkdir()
    (text,) = re.findall(r"```yaml\n(.*?)```", section("Kubernetes"), re.DOTALL)
    (own / "kustomization.yaml").write_text(text)
    objects = render(own)
    job = the(objects, "Job")
    (container,) = job["spec"]["template"]["spec"]["containers"]

    for item in objects:
        kubernetes_validate.validate(item, "1.34", strict=True)
    assert container["image"] == "quay.io/yourorg/diarize-runner:1.0"
    assert parsed(container["args"]).shards == job["spec"]["completions"] == 16
    assert "198.51.100.7/32" in str(the(objects, "NetworkPolicy")["spec"]["egress"])


@pytest.fixture
def aws(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "nobody")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws(config={"batch": {"use_docker": False}}):
        yield boto3.client("batch")


@pytest.fixture
def queue(aws):
    role = boto3.client("iam").create_role(RoleName="batch", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    environment = aws.create_compute_environment(
        computeEnvironmentName="instances", type="UNMANAGED", serviceRole=role
    )["computeEnvironmentArn"]
    order = [{"order": 0, "computeEnvironment": environment}]
    created = aws.create_job_queue(jobQueueName="gpu", state="ENABLED", priority=1, computeEnvironmentOrder=order)
    return created["jobQueueName"]


def test_aws_batch_accepts_the_definition_and_an_array_of_it(aws, queue):
    definition = job_definition()
    registered = aws.register_job_definition(**definition)
    shards = int(definition["parameters"]["shards"])
    job = aws.submit_job(
        jobName="calls",
        jobQueue=queue,
        jobDefinition=registered["jobDefinitionArn"],
        arrayProperties={"size": shards},
        parameters={"input": "s3://calls/2027"},
    )["jobId"]

    (submitted,) = aws.describe_jobs(jobs=[job])["jobs"]
    assert submitted["arrayProperties"]["size"] == shards
    assert submitted["jobDefinition"] == registered["jobDefinitionArn"]


def test_the_words_of_the_definition_are_those_of_the_command():
    definition = job_definition()
    words = definition["containerProperties"]["command"]
    references = {word.removeprefix(REFERENCE) for word in words if word.startswith(REFERENCE)}
    arguments = parsed(aws_command(shards="7", input="s3://in", output="s3://out"))

    assert references == set(definition["parameters"])
    assert (arguments.input, arguments.output, arguments.shards) == ("s3://in", "s3://out", 7)
    assert parsed(aws_command()).shards == 64


def test_the_submission_of_the_page_has_one_number_of_shards_and_known_parameters():
    (size, given) = re.search(r"--array-properties size=(\d+) --parameters (\S+)", section("AWS Batch")).groups()
    parameters = dict(pair.split("=") for pair in given.split(","))

    assert parameters["shards"] == size
    assert set(parameters) <= set(job_definition()["parameters"])
    parsed(aws_command(**parameters))


def decision(status_reason="Essential container in task exited", reason="", exit_code=1):
    """Return what AWS Batch does with a failed attempt: the first condition that matches, as its API reference says."""
    found = {"onStatusReason": status_reason, "onReason": reason, "onExitCode": str(exit_code)}
    for condition in job_definition()["retryStrategy"]["evaluateOnExit"]:
        if all(fnmatch.fnmatchcase(found[name], value) for name, value in condition.items() if name != "action"):
            return condition["action"]
    return "RETRY"


def test_aws_batch_tries_a_shard_again_unless_that_cannot_help():
    assert decision(exit_code=ONLY_PERMANENT_FAILURES) == "EXIT"
    assert decision(exit_code=UsageError.exit_code) == "EXIT"
    assert {decision(exit_code=code) for code in (*RETRIED, 40, 24)} == {"RETRY"}
    assert decision(status_reason="Host EC2 (instance i-0123456789abcdef0) terminated.", exit_code=4) == "RETRY"
    assert 1 < job_definition()["retryStrategy"]["attempts"] <= 10


def test_a_job_of_aws_batch_gets_one_gpu_and_uses_it():
    container = job_definition()["containerProperties"]
    required = {entry["type"]: entry["value"] for entry in container["resourceRequirements"]}

    assert required["GPU"] == "1"
    assert {"VCPU", "MEMORY"} < set(required)
    assert {"name": "DIARIZE_RUNNER_DEVICE", "value": "cuda"} in container["environment"]
    assert not container["privileged"]


def test_slurm_runs_what_the_roles_install_and_the_page_documents_its_variables():
    script = (ROOT / "deploy/slurm/batch.sbatch").read_text(encoding="utf-8")
    installed = yaml.safe_load((ROOT / "roles/service/defaults/main.yml").read_text(encoding="utf-8"))
    documented = dict(re.findall(r"^\| `([A-Z_]+)` \| `?([^|`]+)`? \|", section("Slurm"), re.MULTILINE))
    defaults = dict(re.findall(r"\$\{((?!SLURM_)[A-Z_]+):-([^}(]+)\}", script))

    assert defaults["DIARIZE_RUNNER"] == installed["service_command"]
    defaults |= {"DIARIZE_RUNNER_CACHE": installed["service_cache"], "SHARDS": documented["SHARDS"]}
    assert defaults == documented
    assert set(re.findall(r"^#   ([A-Z_]{5,}) ", script, re.MULTILINE)) == documented.keys() - {"SHARDS"}
