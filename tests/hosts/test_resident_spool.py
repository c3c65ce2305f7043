"""A spool that waits for the next recording ends with new models, another release, a stop and a reset."""

import pytest
from support.hosts import DEBIAN_12, fresh_hosts, run_play

pytestmark = pytest.mark.hosts

SPOOL = "/var/lib/diarize-runner"
UNIT = "diarize-runner-spool"


@pytest.fixture(scope="module")
def box(shelf):
    """A box with version 1.0 of the models, and the first release."""
    shelf.publish("1.0", "echo old: $(cat)")
    with fresh_hosts(DEBIAN_12) as (host,):
        shelf.stock(host)
        run_play([host], "provision.yml", **shelf.variables).succeeded()
        yield host


def label(box, stem):
    """Return the label of a new recording."""
    inbox = f"{SPOOL}/inbox"
    box.succeed(f"echo hello > {inbox}/.copy && chmod 644 {inbox}/.copy && mv {inbox}/.copy {inbox}/{stem}.wav")
    return box.wait_for(f"cat {SPOOL}/outbox/{stem}/{stem}.labelled.json").strip()


def process(box):
    """Return the process of the spool; 0 if none waits."""
    return int(box.succeed(f"systemctl show --property=MainPID --value {UNIT}"))


def test_one_process_labels_recordings_until_other_models_are_current(box, shelf):
    assert label(box, "one") == "old: hello"
    first = process(box)
    assert label(box, "two") == "old: hello"
    assert first
    assert process(box) == first

    shelf.publish("2.0", "echo new: $(cat)")
    shelf.stock(box)
    run_play([box], "refresh_cache.yml", **shelf.variables).succeeded()

    box.wait_for(f"! kill -0 {first}")
    assert label(box, "three") == "new: hello"


def test_the_process_ends_when_another_release_is_current(box, shelf):
    assert label(box, "four") == "new: hello"
    waiting = process(box)
    shelf.publish("3.0", "echo newest: $(cat)", release="second")
    shelf.stock(box)
    run_play([box], "provision.yml", **shelf.variables).succeeded()
    box.wait_for(f"! kill -0 {waiting}")
    assert label(box, "five") == "newest: hello"

    waiting = process(box)
    run_play([box], "switch_back.yml").succeeded()
    box.wait_for(f"! kill -0 {waiting}")
    assert label(box, "six") == "newest: hello"


def test_a_stop_ends_the_process_at_once_and_the_path_unit_starts_another(box):
    label(box, "seven")
    assert process(box)
    box.succeed(f"timeout 10 systemctl stop {UNIT}.service")
    state = box.succeed(f"systemctl show --property=ActiveState,Result {UNIT}")
    assert sorted(state.split()) == ["ActiveState=inactive", "Result=success"]
    assert label(box, "eight") == "newest: hello"


def test_a_reset_removes_a_box_whose_spool_waits(box, shelf):
    label(box, "nine")
    waiting = process(box)
    run_play([box], "reset.yml", **shelf.variables).succeeded()
    assert box.run(f"kill -0 {waiting}").returncode != 0
    assert box.run(f"systemctl cat {UNIT}.service").returncode != 0
    assert box.succeed(f"ls {SPOOL}/inbox {SPOOL}/claimed 2>/dev/null || true") == ""
