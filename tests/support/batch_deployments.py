"""What deploy/ runs as a batch on Kubernetes and AWS Batch."""

import json

from support.deployments import DEPLOY, of_kind, overlay, the

JOB_DEFINITION = DEPLOY / "aws-batch/job-definition.json"
REFERENCE = "Ref::"
"""Begins a word that AWS Batch replaces by a parameter."""


def kubernetes_job():
    """Return the Job of the overlay."""
    return the(overlay("batch"), "Job")


def job_definition():
    """Return the job definition of AWS Batch."""
    return json.loads(JOB_DEFINITION.read_text(encoding="utf-8"))


def kubernetes_command():
    """Return the arguments of the container."""
    (container,) = kubernetes_job()["spec"]["template"]["spec"]["containers"]
    return container["args"]


def aws_command(**parameters):
    """Return the command of the container, with the parameters of the definition and those of a submission."""
    definition = job_definition()
    values = definition["parameters"] | parameters
    words = definition["containerProperties"]["command"]
    return [values[word.removeprefix(REFERENCE)] if word.startswith(REFERENCE) else word for word in words]


def network_policy():
    (policy,) = of_kind(overlay("batch"), "NetworkPolicy")
    return policy["spec"]
