"""Kill bootstrap.sh before each of its programs and at random moments; the box can be removed or provisioned again."""

import random
import shutil
import sys

import pytest
from support.bootstrap import write_store
from support.bootstrap_kills import NEVER, clear_leftovers, run_for, run_until, write_steps
from support.caches import tree
from support.web import files, serving

RANDOM_KILLS = 100
LONGEST = 1.5
"""Seconds; the duration of a run."""


@pytest.fixture
def store(tmp_path):
    return write_store(tmp_path / "store")


@pytest.fixture
def served(store):
    with serving(files(store)) as server:
        yield server


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def run(tmp_path, home, served):
    """Return a function that provisions or removes the box, up to a step."""
    steps = write_steps(tmp_path / "bin")

    def run(action, *, until=NEVER):
        options = ["--uninstall"] if action == "remove" else ["--store", served.url, "--version", action]
        return run_until(until, steps, home, *options, "--prefix", tmp_path / "box")

    return run


def remove(run, box):
    if box.exists():
        run("remove")


def killed_at_each_step(run, tmp_path, action, before=()):
    """Kill `action` at each step, twice: then remove the box at once, or after provisioning it again."""
    box, clean, step, kills = tmp_path / "box", tree(tmp_path), 0, 0
    killed = True
    while killed:
        step += 1
        for again in (False, True):
            for version in before:
                run(version)
            killed = run(action, until=step)
            kills += killed
            assert set(clear_leftovers(tmp_path / "home")) <= {"0o700"}
            if again:
                run("1.0")
            remove(run, box)
            assert tree(tmp_path) == clean, f"{action} killed at step {step}, provisioned again: {again}"
    return kills


def test_a_box_can_be_removed_after_a_first_run_killed_at_any_step(run, tmp_path):
    kills = killed_at_each_step(run, tmp_path, "1.0")

    assert kills > 50
    sys.stdout.write(f"soak: {kills} kills of first runs, 0 unexpected\n")


def test_a_box_can_be_removed_after_an_upgrade_killed_at_any_step(run, store, tmp_path):
    write_store(store, version="2.0", wheel=b"newer")

    kills = killed_at_each_step(run, tmp_path, "2.0", before=["1.0"])

    assert kills > 50
    sys.stdout.write(f"soak: {kills} kills of upgrades, 0 unexpected\n")


def test_a_removal_killed_at_any_step_can_be_repeated(run, tmp_path):
    kills = killed_at_each_step(run, tmp_path, "remove", before=["1.0"])

    assert kills > 5
    sys.stdout.write(f"soak: {kills} kills of removals, 0 unexpected\n")


def test_a_box_can_be_removed_after_a_run_killed_at_any_moment(run, served, home, tmp_path):
    box, clean, kills, chance = tmp_path / "box", tree(tmp_path), 0, random.Random(7)
    for _ in range(RANDOM_KILLS):
        kills += run_for(chance.uniform(0, LONGEST), home, "--store", served.url, "--prefix", box)
        for left in home.glob("diarize-runner.*"):
            shutil.rmtree(left)
        remove(run, box)
        assert tree(tmp_path) == clean

    assert kills > RANDOM_KILLS / 4
    sys.stdout.write(f"soak: {RANDOM_KILLS} runs, {kills} of them killed before their end, 0 unexpected\n")
