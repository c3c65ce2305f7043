"""Runs of Ansible, of one host or of several at once, and what came of them."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
_APPLY = Path(__file__).with_name("apply.yml")


@dataclass(frozen=True, kw_only=True)
class Play:
    """One run."""

    exit_code: int
    output: str

    @property
    def changed(self):
        """How many tasks changed something, or would have in check mode."""
        return self._count("changed")

    @property
    def words(self):
        """What it said, without the folds."""
        return " ".join(self.output.split())

    @property
    def failure(self):
        """What it said when it stopped, which it has to have done at a task."""
        assert self._count("failed") == 1, self.output
        return self.words

    def succeeded(self):
        """Return this play, which has to have come to its end."""
        assert self.exit_code == 0, self.output
        return self

    def of(self, address):
        """Return what it said of one host."""
        host = re.escape(address)
        told = re.findall(rf"^\w+: \[{host}\].*(?:\n .*)*|^{host} +: .*", self.output, re.MULTILINE)
        ended = "failed=0" in told[-1] and "unreachable=0" in told[-1]
        return Play(exit_code=0 if ended else 2, output="\n".join(told))

    def _count(self, what):
        return int(re.search(rf"\b{what}=(\d+)", self.output)[1])


def ansible(hosts, command, *arguments):
    """Run one of Ansible's commands, as the repository has it configured; `hosts` are their variables by host."""
    home = next(iter(hosts)).slot.folder / "ansible"
    home.mkdir(exist_ok=True)
    of_each = {host.address: {**host.variables, **more} for host, more in hosts.items()}
    (home / "inventory.json").write_text(json.dumps({"diarize_boxes": {"hosts": of_each}}))
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": f"{ROOT}/ansible.cfg",
        "ANSIBLE_ROLES_PATH": f"{ROOT}/roles",
        "ANSIBLE_HOME": str(home),
        "ANSIBLE_FORKS": str(len(hosts)),
    }
    line = [Path(sys.executable).with_name(command), "--inventory", home / "inventory.json", *arguments]
    done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900, check=False)
    return Play(exit_code=done.returncode, output=done.stdout + done.stderr)


def play_on(hosts, playbook, *arguments, **variables):
    """Run one of the repository's playbooks on several hosts."""
    extra = ["--extra-vars", json.dumps(variables)]
    return ansible({host: {} for host in hosts}, "ansible-playbook", f"playbooks/{playbook}", *extra, *arguments)


def apply_to(hosts, role, *arguments, **variables):
    """Apply one role to several hosts at once, each with variables of its own too; return what came of it by host."""
    extra = json.dumps({"applied_role": role, **variables})
    play = ansible(hosts, "ansible-playbook", _APPLY, "--extra-vars", extra, *arguments)
    return {host: play.of(host.address) for host in hosts}
