"""refresh_cache.yml updates boxes one by one. If new models fail, the box switches back and the play stops."""

import re

import pytest
from support.hosts import DEBIAN_12, fresh_hosts, run_play
from support.hosts.trees import changes

pytestmark = pytest.mark.hosts

COMMAND = "/opt/diarize-runner/current/bin/diarize-runner"
CACHE = "/var/lib/diarize-runner/cache"
SPOOL = "/var/lib/diarize-runner"
SAMPLE_SKIPPED = "nothing has changed since"
"""doctor prints this if it does not diarize the sample again."""


@pytest.fixture(scope="module")
def boxes(shelf):
    """Two boxes with version 1.0, each with a copy of the store; the second one has umask 077."""
    shelf.publish("1.0", "echo old: $(cat)")
    with fresh_hosts(DEBIAN_12, DEBIAN_12) as hosts:
        set_private_umask(hosts[1])
        shelf.stock(*hosts)
        run_play(hosts, "provision.yml", **shelf.variables).succeeded()
        yield hosts


def set_private_umask(host):
    """Set umask 077 for ssh sessions, as hardening guides do."""
    host.succeed("echo session optional pam_umask.so umask=0077 >> /etc/pam.d/sshd")
    host.hang_up()
    assert host.succeed("umask") == "0077\n"


def refresh(hosts, shelf, *arguments):
    return run_play(hosts, "refresh_cache.yml", *arguments, **shelf.variables)


def diarize_call(host):
    return host.succeed(f"echo hello > /root/call.wav && {COMMAND} diarize /root/call.wav").strip()


def versions(host):
    """Return every version on a host, complete or not."""
    manifests = host.succeed(f"cd {CACHE}/versions && for each in $(ls -A); do cat $each/manifest.json; echo; done")
    return sorted(re.findall(r'^  "version": "(.+)"', manifests, re.MULTILINE))


def publish_to(hosts, shelf, version, model):
    shelf.publish(version, model)
    shelf.stock(*hosts)


def test_a_box_whose_new_models_fail_switches_back_and_the_next_box_does_not_change(boxes, shelf):
    first, second = boxes
    publish_to(boxes, shelf, "2.0", "echo no such layer >&2; exit 1")
    before = second.files()

    play = refresh(boxes, shelf)

    assert play.exit_code == 2
    output = play.of(first.address).words
    assert "The new models failed the sample check; the box uses its previous models again." in output
    assert "the model fails: no such layer" in output
    assert second.address not in play.output.split("PLAY RECAP")[1]
    assert changes(before, second.files()) == []
    assert (diarize_call(first), diarize_call(second)) == ("old: hello", "old: hello")


def test_a_release_whose_models_fail_leaves_the_old_release_and_models_in_use(boxes, shelf):
    first, _ = boxes
    shelf.publish("2.0.1", "exit 1", release="never at work")
    shelf.stock(first)

    play = run_play([first], "provision.yml", **shelf.variables)

    assert play.exit_code == 2
    assert "the box uses its previous models again" in play.of(first.address).words
    assert diarize_call(first) == "old: hello"
    assert "never" not in first.succeed("cat /opt/diarize-runner/current/lib/python3*/site-packages/release")


def test_a_box_switches_back_without_the_store(boxes, shelf):
    """The failing model deletes the store."""
    first, _ = boxes
    publish_to(boxes, shelf, "2.1", f"rm -r {shelf.folder}; exit 1")
    assert refresh(boxes, shelf, "--limit", first.address).exit_code == 2
    assert first.run(f"test -e {shelf.folder}").returncode != 0, "the negative control: it was deleted"
    assert diarize_call(first) == "old: hello"


def test_working_models_reach_every_box_once(boxes, shelf):
    publish_to(boxes, shelf, "3.0", "echo new: $(cat)")

    predicted = refresh(boxes, shelf, "--check").succeeded()
    play = refresh(boxes, shelf).succeeded()

    assert SAMPLE_SKIPPED not in play.output
    assert [diarize_call(host) for host in boxes] == ["new: hello", "new: hello"]
    assert [predicted.of(host.address).changed for host in boxes] == [play.of(host.address).changed for host in boxes]
    again = refresh(boxes, shelf).succeeded()
    assert [SAMPLE_SKIPPED in again.of(host.address).output for host in boxes] == [True, True]
    assert SAMPLE_SKIPPED not in run_play(boxes, "verify.yml", **shelf.variables).succeeded().output
    assert [again.of(host.address).changed for host in boxes] == [0, 0]
    assert [versions(host) for host in boxes] == [["1.0", "3.0"], ["1.0", "3.0"]], "no failed version"
    assert [host.packets.leak for host in boxes] == [0, 0]


def test_the_spool_reads_a_release_and_models_that_were_installed_with_umask_077(boxes):
    """The models are those of the refresh."""
    _, box = boxes
    inbox, labelled = f"{SPOOL}/inbox", f"{SPOOL}/outbox/call/call.labelled.json"
    box.succeed(f"echo hello > {inbox}/call.tmp && chmod 644 {inbox}/call.tmp && mv {inbox}/call.tmp {inbox}/call.wav")
    assert box.wait_for(f"cat {labelled} || cat {SPOOL}/failed/call/*.txt") == "new: hello\n"


@pytest.mark.parametrize(
    ("playbook", "problem"),
    [
        ("refresh_cache.yml", "contains no models"),
        ("verify.yml", "/opt/diarize-runner/current does not exist"),
    ],
)
def test_a_playbook_on_a_host_without_a_release_names_provision_yml(host, shelf, playbook, problem):
    assert f"{problem}: run playbooks/provision.yml first" in run_play([host], playbook, **shelf.variables).failure
