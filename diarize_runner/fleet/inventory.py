"""Boxes as Ansible reads them: a YAML inventory, or what an inventory script answers."""

import shlex
from collections.abc import Iterable

import yaml

from diarize_runner.fleet.boxes import Box

GROUP = "diarize_boxes"
_GROUP_VARIABLES = {"ansible_user": "ubuntu"}
"""Who logs in to an Ubuntu image. playbooks/group_vars may say another."""

# https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-getting-started-enable-ssh-connections.html
_SESSION = (
    "aws ssm start-session --region {region} --target %h --document-name AWS-StartSSHSession --parameters portNumber=%p"
)
# Without a key pair, EC2 Instance Connect lets a public key in for a minute.
_LET_IN = (
    "aws ec2-instance-connect send-ssh-public-key --region {region} --instance-id %h --instance-os-user %r "
    "--ssh-public-key file://${{DIARIZE_RUNNER_SSH_PUBLIC_KEY:-$HOME/.ssh/id_ed25519.pub}} >&2"
)


def as_yaml(boxes: Iterable[Box]) -> str:
    """Return a static inventory, which ansible-playbook takes by -i."""
    group = {"hosts": {box.id: host_variables(box) for box in boxes}, "vars": _GROUP_VARIABLES}
    return yaml.safe_dump({GROUP: group}, explicit_start=True, sort_keys=False, width=float("inf"))


def as_listed(boxes: Iterable[Box]) -> dict[str, object]:
    """Return what an inventory script answers to --list.

    https://docs.ansible.com/ansible/latest/dev_guide/developing_inventory.html#inventory-script-conventions
    """
    variables = {box.id: host_variables(box) for box in boxes}
    return {GROUP: {"hosts": list(variables), "vars": _GROUP_VARIABLES}, "_meta": {"hostvars": variables}}


def host_variables(box: Box) -> dict[str, str]:
    """Return how Ansible gets to a box."""
    if box.reach == "ssm":
        option = shlex.quote(f"ProxyCommand={_proxy_command(box)}")
        return {"ansible_host": box.id, "ansible_ssh_common_args": f"-o {option}"}
    return {"ansible_host": box.public_address or box.private_address}


def _proxy_command(box: Box) -> str:
    session = _SESSION.format(region=box.region)
    if box.key:
        return session
    return f'sh -c "{_LET_IN.format(region=box.region)} && exec {session}"'
