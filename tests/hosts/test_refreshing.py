"""New models, box by box: a box that cannot work with them switches back, and those after it never get them."""

import re

import pytest
from support.hosts import DEBIAN_12, fresh_hosts, play_on
from support.hosts.trees import changes

pytestmark = pytest.mark.hosts

COMMAND = "/opt/diarize-runner/current/bin/diarize-runner"
CACHE = "/var/lib/diarize-runner/cache"
RELIED = "nothing has changed since"
"""Said where the sample was not diarized again."""


@pytest.fixture(scope="module")
def boxes(shelf):
    """Two boxes with version 1.0; each has a copy of the store."""
    shelf.publish("1.0", "echo old: $(cat)")
    with fresh_hosts(DEBIAN_12, DEBIAN_12) as hosts:
        shelf.stock(*hosts)
        play_on(hosts, "provision.yml", **shelf.variables).succeeded()
        yield hosts


def refresh(hosts, shelf, *arguments):
    return play_on(hosts, "refresh_cache.yml", *arguments, **shelf.variables)


def heard(host):
    return host.succeed(f"echo hello > /root/call.wav && {COMMAND} diarize /root/call.wav").strip()


def versions(host):
    """Return every version that lies on a host, whole or not."""
    manifests = host.succeed(f"cd {CACHE}/versions && for each in $(ls -A); do cat $each/manifest.json; echo; done")
    return sorted(re.findall(r'^  "version": "(.+)"', manifests, re.MULTILINE))


def serve(hosts, shelf, version, model):
    shelf.publish(version, model)
    shelf.stock(*hosts)


def test_a_box_whose_new_models_fail_is_back_on_the_old_ones_and_the_next_was_never_touched(boxes, shelf):
    first, second = boxes
    serve(boxes, shelf, "2.0", "echo no such layer >&2; exit 1")
    before = second.files()

    play = refresh(boxes, shelf)

    assert play.exit_code == 2
    told = play.of(first.address).words
    assert "The box failed its sample check, and the models that it had before are in use again." in told
    assert "the model fails: no such layer" in told
    assert second.address not in play.output.split("PLAY RECAP")[1]
    assert changes(before, second.files()) == []
    assert (heard(first), heard(second)) == ("old: hello", "old: hello")


def test_a_release_that_is_set_up_with_models_that_fail_leaves_the_box_as_it_was(boxes, shelf):
    first, _ = boxes
    shelf.publish("2.0.1", "exit 1", release="never at work")
    shelf.stock(first)

    play = play_on([first], "provision.yml", **shelf.variables)

    assert play.exit_code == 2
    assert "the models that it had before are in use again" in play.of(first.address).words
    assert heard(first) == "old: hello"
    assert "never" not in first.succeed("cat /opt/diarize-runner/current/lib/python3*/site-packages/release")


def test_it_goes_back_without_the_store(boxes, shelf):
    """The model that fails takes it away."""
    first, _ = boxes
    serve(boxes, shelf, "2.1", f"rm -r {shelf.folder}; exit 1")
    assert refresh(boxes, shelf, "--limit", first.address).exit_code == 2
    assert first.run(f"test -e {shelf.folder}").returncode != 0, "the negative control: it was taken away"
    assert heard(first) == "old: hello"


def test_new_models_that_work_come_to_every_box_once(boxes, shelf):
    serve(boxes, shelf, "3.0", "echo new: $(cat)")

    foretold = refresh(boxes, shelf, "--check").succeeded()
    play = refresh(boxes, shelf).succeeded()

    assert RELIED not in play.output
    assert [heard(host) for host in boxes] == ["new: hello", "new: hello"]
    assert [foretold.of(host.address).changed for host in boxes] == [play.of(host.address).changed for host in boxes]
    again = refresh(boxes, shelf).succeeded()
    assert [RELIED in again.of(host.address).output for host in boxes] == [True, True]
    assert RELIED not in play_on(boxes, "verify.yml", **shelf.variables).succeeded().output
    assert [again.of(host.address).changed for host in boxes] == [0, 0]
    assert [versions(host) for host in boxes] == [["1.0", "3.0"], ["1.0", "3.0"]], "and none that failed"
    assert [host.packets.leak for host in boxes] == [0, 0]


@pytest.mark.parametrize(
    ("playbook", "told"),
    [
        ("refresh_cache.yml", "holds no models yet"),
        ("verify.yml", "Nothing is provisioned in /opt/diarize-runner/current"),
    ],
)
def test_a_host_that_was_never_provisioned_is_told_so(host, shelf, playbook, told):
    assert f"{told}: run playbooks/provision.yml first" in play_on([host], playbook, **shelf.variables).failure
