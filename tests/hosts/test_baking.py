"""An image has no identity, and each machine that boots from it is a separate box."""

from contextlib import ExitStack

import pytest
from support.hosts import host_from, run_play

pytestmark = pytest.mark.hosts

SPOOL = "/var/lib/diarize-runner"
PATH_UNIT = "diarize-runner-spool.path"
READ_IDENTITY = "cat /etc/machine-id /etc/ssh/ssh_host_*_key.pub"


def test_each_machine_that_boots_from_an_image_is_a_box_with_its_own_identity(host, shelf):
    shelf.publish("1.0", "echo heard: $(cat)")
    shelf.stock(host)
    host.put("/root/.bash_history", b"secret\n")
    host.put("/var/lib/apt/lists/deb.example.org_Packages", b"stale\n")
    identities = {host.succeed(READ_IDENTITY)}

    run_play([host], "bake.yml", **shelf.variables).succeeded()

    assert host.run(f"systemctl is-active {PATH_UNIT}").stdout == "inactive\n"
    assert host.succeed(f"systemctl is-enabled {PATH_UNIT}") == "enabled\n"
    assert host.succeed("cat /etc/machine-id") == ""
    assert host.succeed("ls -A /etc/ssh | grep ssh_host_ || true") == ""
    assert (
        host.succeed("ls -d /root/.bash_history /root/.ansible /var/lib/apt/lists/*Packages 2>/dev/null || true") == ""
    )
    host.switch_off()
    with ExitStack() as machines:
        for machine in (machines.enter_context(host_from(host)) for _ in range(2)):
            assert machine.succeed("systemctl is-system-running") == "running\n"
            identities.add(machine.succeed(READ_IDENTITY))
            machine.succeed(f"echo hello > {SPOOL}/inbox/call.wav")
            assert machine.wait_for(f"cat {SPOOL}/outbox/call/call.labelled.json") == "heard: hello\n"
            assert machine.packets.leak == 0
    assert len(identities) == 3


def test_an_image_requires_an_empty_prefix(host, shelf):
    play = run_play([host], "bake.yml", diarize_runner_prefix="/srv", **shelf.variables)
    assert "An image requires an empty diarize_runner_prefix; it is '/srv'." in play.failure
