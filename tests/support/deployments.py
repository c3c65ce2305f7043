"""The files of deploy/, as kubectl and compose read them."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
OVERLAYS = ("cpu", "gpu", "openshift", "airgap")


@cache
def overlay(name):
    """Return the objects of an overlay."""
    return render(KUBERNETES / "overlays" / name)


def render(folder):
    """Return the objects that kustomize makes of a folder."""
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed")
    command = ["kubectl", "kustomize", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]})
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def of_kind(objects, kind):
    return [item for item in objects if item["kind"] == kind]


def the(objects, kind):
    """Return the only object of a kind."""
    (item,) = of_kind(objects, kind)
    return item


def pod_specs(objects):
    """Return the pod specification of each Deployment and Job, by name."""
    kinds = [*of_kind(objects, "Deployment"), *of_kind(objects, "Job")]
    return {item["metadata"]["name"]: item["spec"]["template"]["spec"] for item in kinds}


def containers(objects):
    return [container for pod in pod_specs(objects).values() for container in pod["containers"]]


def variables(container):
    """Return the environment variables that a container sets."""
    return {entry["name"]: entry["value"] for entry in container.get("env", [])}
