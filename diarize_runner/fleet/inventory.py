"""Write boxes as an Ansible inventory: YAML, or the JSON of an inventory script."""

import shlex
from collections.abc import Iterable

import yaml

from diarize_runner.fleet.boxes import Box

GROUP = "diarize_boxes"
_GROUP_VARIABLES = {"ansible_user": "ubuntu"}
"""The user of an Ubuntu image; playbooks/group_vars can override it."""

# https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-getting-started-enable-ssh-connections.html
_SESSION = (
    "aws ssm start-session --region {region} --target %h --document-name AWS-StartSSHSession --parameters portNumber=%p"
)
# Without a key pair, EC2 Instance Connect accepts a public key for 60 seconds.
_SEND_KEY = (
    "aws ec2-instance-connect send-ssh-public-key --region {region} --instance-id %h --instance-os-user %r "
    "--ssh-public-key file://${{DIARIZE_RUNNER_SSH_PUBLIC_KEY:-$HOME/.ssh/id_ed25519.pub}} >&2"
)


def as_yaml(boxes: Iterable[Box]) -> str:
    """Return a static inventory for `ansible-playbook -i`."""
    group = {"hosts": {box.id: host_variables(box) for box in boxes}, "vars": _GROUP_VARIABLES}
    return yaml.safe_dump({GROUP: group}, explicit_start=True, sort_keys=False, width=float("inf"))


def as_list_output(boxes: Iterable[Box]) -> dict[str, object]:
    """Return the output of an inventory script for --list.

    https://docs.ansible.com/ansible/latest/dev_guide/developing_inventory.html#inventory-script-conventions
    """
    variables = {box.id: host_variables(box) for box in boxes}
    return {GROUP: {"hosts": list(variables), "vars": _GROUP_VARIABLES}, "_meta": {"hostvars": variables}}


def host_variables(box: Box) -> dict[str, str]:
    """Return the connection variables of a box."""
    if box.reach == "ssm":
        option = shlex.quote(f"ProxyCommand={_proxy_command(box)}")
        return {"ansible_host": box.id, "ansible_ssh_common_args": f"-o {option}"}
    return {"ansible_host": box.public_address or box.private_address}


def _proxy_command(box: Box) -> str:
    session = _SESSION.format(region=box.region)
    if box.key:
        return session
    return f'sh -c "{_SEND_KEY.format(region=box.region)} && exec {session}"'
