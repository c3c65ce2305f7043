"""An image is a box that has forgotten who it is, and each machine that boots from it is another box."""

from contextlib import ExitStack

import pytest
from support.hosts import host_from, play_on

pytestmark = pytest.mark.hosts

SPOOL = "/var/lib/diarize-runner"
PATH_UNIT = "diarize-runner-spool.path"
OF_ONE_MACHINE = "cat /etc/machine-id /etc/ssh/ssh_host_*_key.pub"


def test_machines_that_boot_from_an_image_are_boxes_with_an_identity_each(host, shelf):
    shelf.publish("1.0", "echo heard: $(cat)")
    shelf.stock(host)
    host.put("/root/.bash_history", b"secret\n")
    host.put("/var/lib/apt/lists/deb.example.org_Packages", b"stale\n")
    identities = {host.succeed(OF_ONE_MACHINE)}

    play_on([host], "bake.yml", **shelf.variables).succeeded()

    assert host.run(f"systemctl is-active {PATH_UNIT}").stdout == "inactive\n"
    assert host.succeed(f"systemctl is-enabled {PATH_UNIT}") == "enabled\n"
    assert host.succeed("cat /etc/machine-id") == ""
    assert host.succeed("ls -A /etc/ssh | grep ssh_host_ || true") == ""
    assert (
        host.succeed("ls -d /root/.bash_history /root/.ansible /var/lib/apt/lists/*Packages 2>/dev/null || true") == ""
    )
    host.switch_off()
    with ExitStack() as kept:
        for each in (kept.enter_context(host_from(host)) for _ in range(2)):
            assert each.succeed("systemctl is-system-running") == "running\n"
            identities.add(each.succeed(OF_ONE_MACHINE))
            each.succeed(f"echo hello > {SPOOL}/inbox/call.wav")
            assert each.wait_for(f"cat {SPOOL}/outbox/call/call.labelled.json") == "heard: hello\n"
            assert each.packets.leak == 0
    assert len(identities) == 3


def test_an_image_is_not_made_under_a_prefix(host, shelf):
    play = play_on([host], "bake.yml", diarize_runner_prefix="/srv", **shelf.variables)
    assert "diarize_runner_prefix is '/srv'" in play.failure
