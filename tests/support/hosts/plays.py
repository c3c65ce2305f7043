"""Run Ansible on one host or several, and parse the results."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
_APPLY = Path(__file__).with_name("apply.yml")
_CALLBACKS = Path(__file__).with_name("callbacks")
_LONGEST = 900


@dataclass(frozen=True, kw_only=True)
class Play:
    """A finished run."""

    exit_code: int
    output: str

    @property
    def changed(self):
        """Return how many tasks changed something, or would change something in check mode."""
        return self._count("changed")

    @property
    def words(self):
        """Return the output with all white space collapsed."""
        return " ".join(self.output.split())

    @property
    def failure(self):
        """Return the output of a play that failed at exactly one task."""
        assert self._count("failed") == 1, self.output
        return self.words

    def succeeded(self):
        """Assert that the play succeeded, and return it."""
        assert self.exit_code == 0, self.output
        return self

    def of(self, address):
        """Return the part of the play that concerns one host."""
        host = re.escape(address)
        lines = re.findall(rf"^\w+: \[{host}\].*(?:\n .*)*|^{host} +: .*", self.output, re.MULTILINE)
        ended = "failed=0" in lines[-1] and "unreachable=0" in lines[-1]
        return Play(exit_code=0 if ended else 2, output="\n".join(lines))

    def _count(self, what):
        return int(re.search(rf"\b{what}=(\d+)", self.output)[1])


@dataclass(frozen=True, kw_only=True)
class Running:
    """A run in progress."""

    process: subprocess.Popen

    def end(self):
        """Wait for its end; return the finished play."""
        try:
            output, _ = self.process.communicate(timeout=_LONGEST)
        except BaseException:
            self.kill()
            raise
        return Play(exit_code=self.process.returncode, output=output)

    def kill(self):
        """Send SIGKILL to it, and to every process that it started on this machine."""
        for pid in [*_descendants(self.process.pid), self.process.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.communicate()


def begin(hosts, command, *arguments, **environment):
    """Start an Ansible command with the configuration of the repository; `hosts` maps each host to its variables."""
    home = next(iter(hosts)).slot.folder / "ansible"
    home.mkdir(exist_ok=True)
    of_each = {host.address: {**host.variables, **more} for host, more in hosts.items()}
    (home / "inventory.json").write_text(json.dumps({"diarize_boxes": {"hosts": of_each}}))
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": f"{ROOT}/ansible.cfg",
        "ANSIBLE_ROLES_PATH": f"{ROOT}/roles",
        "ANSIBLE_CALLBACK_PLUGINS": str(_CALLBACKS),
        "ANSIBLE_HOME": str(home),
        "ANSIBLE_FORKS": str(len(hosts)),
        **environment,
    }
    line = [Path(sys.executable).with_name(command), "--inventory", home / "inventory.json", *arguments]
    process = subprocess.Popen(
        line, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return Running(process=process)


def ansible(hosts, command, *arguments, **environment):
    """Run an Ansible command."""
    return begin(hosts, command, *arguments, **environment).end()


def _descendants(pid):
    with suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            yield from _descendants(int(child))
            yield int(child)


def run_play(hosts, playbook, *arguments, **variables):
    """Run one of the repository's playbooks on several hosts."""
    return start_play(hosts, playbook, *arguments, **variables).end()


def start_play(hosts, playbook, *arguments, interruption=None, **variables):
    """Start one; `interruption` is the environment of callbacks/interruption.py."""
    variables_of_callback = {"ANSIBLE_CALLBACKS_ENABLED": "interruption", **interruption} if interruption else {}
    extra = ["--extra-vars", json.dumps(variables)]
    line = [f"playbooks/{playbook}", *extra, *arguments]
    return begin({host: {} for host in hosts}, "ansible-playbook", *line, **variables_of_callback)


def apply_role(hosts, role, *arguments, **variables):
    """Apply one role to several hosts, each with its own variables too; return the play of each host."""
    extra = json.dumps({"applied_role": role, **variables})
    play = ansible(hosts, "ansible-playbook", _APPLY, "--extra-vars", extra, *arguments)
    return {host: play.of(host.address) for host in hosts}
