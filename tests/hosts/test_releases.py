"""Releases, side by side: the new one serves when it has passed, and until then, whatever happens, the old one does."""

import json
import os
import signal
import time

import pytest
from support.hosts import DEBIAN_12, begin_play, fresh_hosts, play_on

pytestmark = pytest.mark.hosts

HOME = "/opt/diarize-runner"
COMMAND = f"{HOME}/current/bin/diarize-runner"
OURS = (HOME, "/var/lib/diarize-runner", "/etc/systemd/system")
MAKING = f"--under={HOME}/releases"


@pytest.fixture(scope="module")
def upgrade(shelf, tmp_path_factory):
    """A box with the second release after the first, one with the first alone, and which tasks the upgrade takes."""
    shelf.publish("1.0", "echo old: $(cat)", release="first")
    with fresh_hosts(DEBIAN_12, DEBIAN_12) as hosts:
        shelf.stock(*hosts)
        play_on(hosts, "provision.yml", **shelf.variables).succeeded()
        shelf.publish("2.0", "echo new: $(cat)", release="second")
        shelf.stock(*hosts)
        upgraded, waiting = hosts
        yield upgraded, waiting, changing(upgraded, shelf, tmp_path_factory.mktemp("upgrade") / "record.json")


def begin(host, shelf, **interruption):
    told = {f"INTERRUPTION_{name.upper()}": str(value) for name, value in interruption.items()}
    return begin_play([host], "provision.yml", interruption=told, **shelf.variables)


def changing(host, shelf, path):
    """Provision; return the numbers of the tasks that changed something."""
    begin(host, shelf, record=path).end().succeeded()
    return [int(number) for number in json.loads(path.read_text())["changing"]]


def release(host, link="current"):
    """Return which release is at work, after it has been seen to work."""
    assert "hello" in host.succeed(
        f"echo hello > /run/call.wav && {HOME}/{link}/bin/diarize-runner diarize /run/call.wav"
    )
    return host.succeed(f"cat {HOME}/{link}/lib/python3*/site-packages/release")


def files(host):
    """Return the paths of all that is ours, but for what Python keeps of modules it has read."""
    return {path for path in host.files() if path.startswith(OURS) and "__pycache__" not in path}


def wait_until(true, seconds=180):
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)
    return found


def test_a_run_that_is_killed_at_any_task_leaves_a_release_at_work_and_the_next_run_finishes(upgrade, shelf, tmp_path):
    """What it brings before its last three tasks that change anything is used by nothing: one kill stands for those."""
    straight, killed, tasks = upgrade
    seen = [release_after_a_kill_in_the_middle(killed, shelf)]
    for task in tasks[-3:]:
        play = begin(killed, shelf, before=task).end()
        assert play.exit_code == -signal.SIGKILL, play.output
        killed.cut_power()
        seen.append(release(killed))
    assert seen == ["first", "first", "first", "second"]

    killed.succeed(f"touch --date '2 days ago' {HOME}/releases/.async/*")
    assert changing(killed, shelf, tmp_path / "record.json") != []
    assert (release(killed), release(killed, "previous")) == ("second", "first")
    assert files(killed) == files(straight)


def release_after_a_kill_in_the_middle(host, shelf):
    """Kill the play, and all that runs on the box, as the environment of the new release is being made."""
    play, releases = begin(host, shelf), host.root / HOME[1:] / "releases"
    wait_until(lambda: len([*releases.glob("*/lib")]) == 2)
    for maker in makers(host):
        os.kill(maker, signal.SIGSTOP)
    play.kill()
    host.cut_power()
    assert host.succeed(f"ls {HOME}/releases/*/.complete | wc -l") == "1\n", "it was not killed in the middle"
    return release(host)


def test_going_back_to_the_release_before_is_a_matter_of_two_links_and_doing_it_twice_comes_back(upgrade):
    box, *_ = upgrade
    before = files(box)
    seen = [(release(box), release(box, "previous"))]
    for _ in range(2):
        assert play_on([box], "switch_back.yml").succeeded().changed == 1
        seen.append((release(box), release(box, "previous")))
    assert seen == [("second", "first"), ("first", "second"), ("second", "first")]
    assert files(box) == before


def test_of_two_runs_at_once_the_second_waits_and_then_changes_nothing(upgrade, shelf):
    box, *_ = upgrade
    shelf.publish("3.0", "echo newer: $(cat)", release="third")
    shelf.stock(box)
    first = begin(box, shelf)
    (maker,) = wait_until(lambda: makers(box))
    os.kill(maker, signal.SIGSTOP)
    second = begin(box, shelf)
    (waiting,) = wait_until(lambda: set(makers(box)) - {maker})
    os.kill(waiting, signal.SIGSTOP)
    os.kill(maker, signal.SIGCONT)
    assert first.end().succeeded().changed > 0
    os.kill(waiting, signal.SIGCONT)
    assert second.end().succeeded().changed == 0
    assert (release(box), release(box, "previous")) == ("third", "second")


def makers(host):
    """Return the processes that make a release, or wait to; not those that look after them."""
    return host.processes(f"python3 -I - {MAKING}", unless="--plan")
