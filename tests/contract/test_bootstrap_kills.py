"""Several bootstraps of one box at once, and kills at many steps: the next run, or a removal, finds its way."""

import fcntl
import os
import shutil
import signal
import subprocess
import threading
import time

import pytest
from support.bootstrap import SCRIPT, WHEEL, command, environment, write_store
from support.bootstrap_kills import NEVER, run_until, take_leftovers, write_steps
from support.caches import tree
from support.web import files, serving

STRIDE = 12
"""Every so many steps a run is killed here; tests/soak/test_bootstrap_kills_at_each_step.py does it at each."""


@pytest.fixture
def served(tmp_path):
    with serving(files(write_store(tmp_path / "store"))) as server:
        yield server


@pytest.fixture
def box(tmp_path):
    return tmp_path / "böx it's"


@pytest.fixture
def home(box):
    return box / "opt/diarize-runner"


@pytest.fixture
def begin(tmp_path, box):
    """Start the script; what it says is read by `ended`."""
    (tmp_path / "home").mkdir()

    def begin(*arguments, shell="bash"):
        running = subprocess.Popen(
            command(*arguments, "--prefix", box, shell=shell),
            stdin=subprocess.PIPE,
            env=environment(tmp_path / "home"),
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        running.stdin.write(SCRIPT)
        running.stdin.close()
        return running

    return begin


def ended(running):
    """Wait for a run, which must come to a good end."""
    assert running.wait(60) == 0, running.stderr.read()
    running.stderr.close()


@pytest.fixture
def held(served):
    """Hold the answer to whoever first asks for the wheel, until the event is set."""
    event, asked = threading.Event(), threading.Event()

    def hold(handler, request, origin):
        asked.set()
        event.wait(60)
        handler.send(origin(request))

    served.fails(hold, when=lambda request: request.path.endswith(WHEEL))
    event.asked = asked
    yield event
    event.set()


def asked_for_manifest(served, times):
    deadline = time.monotonic() + 30
    while sum(request.path == "/v1.0/manifest.json" for request in served.requests) < times:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.5)  # and now it waits


class TestTurns:
    def test_two_runs_at_once_take_turns_and_fetch_everything_once(self, begin, served, held, home):
        first = begin("--store", served.url)
        assert held.asked.wait(30)
        second = begin("--store", served.url)
        asked_for_manifest(served, 2)
        assert second.poll() is None

        held.set()
        ended(first)
        ended(second)

        fetched = [request.path for request in served.requests if not request.path.endswith("manifest.json")]
        assert sorted(fetched) == sorted(set(fetched)), "each once"
        assert (home / "inputs/1.0" / WHEEL).read_bytes() == b"wheel"

    def test_a_run_that_waited_for_one_that_is_killed_takes_over(self, begin, served, held, home):
        first = begin("--store", served.url)
        assert held.asked.wait(30)
        second = begin("--store", served.url)
        asked_for_manifest(served, 2)

        os.killpg(first.pid, signal.SIGKILL)

        ended(second)
        assert (home / "inputs/1.0" / WHEEL).read_bytes() == b"wheel"
        first.wait()
        first.stderr.close()

    def test_removal_waits_for_a_run_and_takes_all_of_it(self, begin, served, held, box):
        first = begin("--store", served.url)
        assert held.asked.wait(30)
        removal = begin("--uninstall")
        time.sleep(1)
        assert removal.poll() is None
        assert box.exists()

        held.set()
        ended(first)
        ended(removal)

        assert not box.exists()

    @pytest.mark.parametrize("shell", ["bash", "dash"])
    def test_a_run_that_waited_while_another_took_everything_away_begins_anew(self, shell, begin, served, home):
        (home / "inputs").mkdir(parents=True)
        with (home / "inputs/.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            waiting = begin("--store", served.url, shell=shell)
            asked_for_manifest(served, 1)
            assert waiting.poll() is None
            shutil.rmtree(home)

        ended(waiting)

        assert (home / "told.json").exists()
        assert (home / "inputs/.lock").exists()


def test_a_folder_with_a_name_in_which_a_shell_would_stumble_is_taken_away_too(begin, served, box, tmp_path):
    before = tree(tmp_path)

    ended(begin("--store", served.url))
    assert box.exists()
    ended(begin("--uninstall"))

    assert tree(tmp_path) == before


class TestKills:
    @pytest.fixture
    def steps(self, tmp_path):
        return write_steps(tmp_path / "bin")

    @pytest.fixture
    def run(self, steps, tmp_path, box, served):
        (tmp_path / "home").mkdir()

        def run(action, *, until):
            told = ["--uninstall"] if action == "remove" else ["--store", served.url]
            return run_until(until, steps, tmp_path / "home", *told, "--prefix", box)

        return run

    def test_a_first_run_that_was_killed_can_be_removed_or_run_again(self, run, box, tmp_path):
        before, step = tree(tmp_path), 1
        while run("provision", until=step):
            assert set(take_leftovers(tmp_path / "home")) <= {"0o700"}
            if step % 2:
                run("provision", until=NEVER)
            if box.exists():
                run("remove", until=NEVER)
            assert tree(tmp_path) == before, f"killed at step {step}"
            step += STRIDE

        assert step > 2 * STRIDE, "several kills came before its end"

    def test_a_removal_that_was_killed_can_be_run_again(self, run, box, tmp_path):
        before, step, killed = tree(tmp_path), 1, True
        while killed:
            run("provision", until=NEVER)
            killed = run("remove", until=step)
            take_leftovers(tmp_path / "home")
            if box.exists():
                run("remove", until=NEVER)
            assert tree(tmp_path) == before, f"killed at step {step}"
            step += STRIDE // 2

        assert step > STRIDE, "several kills came before its end"
