"""A new release becomes current after its sample check; until then, the old release stays in use."""

import json
import os
import signal
import time

import pytest
from support.hosts import DEBIAN_12, fresh_hosts, run_play, start_play

pytestmark = pytest.mark.hosts

HOME = "/opt/diarize-runner"
COMMAND = f"{HOME}/current/bin/diarize-runner"
OUR_PATHS = (HOME, "/var/lib/diarize-runner", "/etc/systemd/system")
CREATE_RELEASE = f"--under={HOME}/releases"


@pytest.fixture(scope="module")
def upgrade(shelf, tmp_path_factory):
    """A box upgraded to the second release, a box with the first one, and the upgrade's changing tasks."""
    shelf.publish("1.0", "echo old: $(cat)", release="first")
    with fresh_hosts(DEBIAN_12, DEBIAN_12) as hosts:
        shelf.stock(*hosts)
        run_play(hosts, "provision.yml", **shelf.variables).succeeded()
        shelf.publish("2.0", "echo new: $(cat)", release="second")
        shelf.stock(*hosts)
        upgraded, waiting = hosts
        yield upgraded, waiting, changing_tasks(upgraded, shelf, tmp_path_factory.mktemp("upgrade") / "record.json")


def begin(host, shelf, **interruption):
    variables = {f"INTERRUPTION_{name.upper()}": str(value) for name, value in interruption.items()}
    return start_play([host], "provision.yml", interruption=variables, **shelf.variables)


def changing_tasks(host, shelf, path):
    """Provision; return the numbers of the tasks that changed something."""
    begin(host, shelf, record=path).end().succeeded()
    return [int(number) for number in json.loads(path.read_text())["changing"]]


def release(host, link="current"):
    """Return the name of the linked release, after a check that it works."""
    assert "hello" in host.succeed(
        f"echo hello > /run/call.wav && {HOME}/{link}/bin/diarize-runner diarize /run/call.wav"
    )
    return host.succeed(f"cat {HOME}/{link}/lib/python3*/site-packages/release")


def files(host):
    """Return all of our paths, without Python's bytecode caches."""
    return {path for path in host.files() if path.startswith(OUR_PATHS) and "__pycache__" not in path}


def wait_until(condition, seconds=180):
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, "the condition was never met"
        time.sleep(0.02)
    return result


def test_a_run_killed_at_any_task_leaves_a_working_release_and_the_next_run_finishes(upgrade, shelf, tmp_path):
    """Only the last changing task affects the release in use: it switches, and removes old releases."""
    uninterrupted, killed, tasks = upgrade
    seen = [release_after_a_kill_in_the_middle(killed, shelf)]
    for task in (*tasks[-2:], tasks[-1] + 1):
        play = begin(killed, shelf, before=task).end()
        assert play.exit_code == -signal.SIGKILL, play.output
        killed.cut_power()
        seen.append(release(killed))
    assert seen == ["first", "first", "first", "second"]

    assert changing_tasks(killed, shelf, tmp_path / "record.json") == [], "the last killed run had changed everything"
    assert (release(killed), release(killed, "previous")) == ("second", "first")
    assert files(killed) == files(uninterrupted)


def release_after_a_kill_in_the_middle(host, shelf):
    """Kill the play and all processes on the box while it creates the new release; return the current release."""
    play, releases = begin(host, shelf), host.root / HOME[1:] / "releases"
    wait_until(lambda: len([*releases.glob("*/lib")]) == 2)
    for pid in release_creators(host):
        os.kill(pid, signal.SIGSTOP)
    play.kill()
    host.cut_power()
    assert host.succeed(f"ls {HOME}/releases/*/.complete | wc -l") == "1\n", "the release was complete before the kill"
    return release(host)


def test_switching_back_swaps_two_links_and_doing_it_twice_restores_them(upgrade):
    box, *_ = upgrade
    before = files(box)
    seen = [(release(box), release(box, "previous"))]
    for _ in range(2):
        assert run_play([box], "switch_back.yml").succeeded().changed == 1
        seen.append((release(box), release(box, "previous")))
    assert seen == [("second", "first"), ("first", "second"), ("second", "first")]
    assert files(box) == before


def test_of_two_concurrent_runs_the_second_waits_and_changes_nothing(upgrade, shelf):
    box, *_ = upgrade
    shelf.publish("3.0", "echo newer: $(cat)", release="third")
    shelf.stock(box)
    first = begin(box, shelf)
    (creator,) = wait_until(lambda: release_creators(box))
    os.kill(creator, signal.SIGSTOP)
    second = begin(box, shelf)
    (waiting,) = wait_until(lambda: set(release_creators(box)) - {creator})
    os.kill(waiting, signal.SIGSTOP)
    os.kill(creator, signal.SIGCONT)
    assert first.end().succeeded().changed > 0
    os.kill(waiting, signal.SIGCONT)
    assert second.end().succeeded().changed == 0
    assert (release(box), release(box, "previous")) == ("third", "second")


def release_creators(host):
    """Return the processes that create a release or wait for their turn."""
    return host.processes(f"python3 -I - {CREATE_RELEASE}", unless="--plan")
