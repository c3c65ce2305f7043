"""Concurrent bootstraps of one box, and kills at many steps: the next run or removal succeeds."""

import fcntl
import os
import shutil
import signal
import subprocess
import threading
import time

import pytest
from support.bootstrap import SCRIPT, WHEEL, command, environment, write_store
from support.bootstrap_kills import NEVER, clear_leftovers, run_until, write_steps
from support.caches import tree
from support.web import files, serving

STRIDE = 12
"""Steps between kills; tests/soak/test_bootstrap_kills_at_each_step.py kills at each step."""


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
def start_run(tmp_path, box):
    """Start the script; `require_success` reads its output."""
    (tmp_path / "home").mkdir()

    def start_run(*arguments, shell="bash"):
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

    return start_run


def require_success(running):
    """Wait for a run and require success."""
    assert running.wait(60) == 0, running.stderr.read()
    running.stderr.close()


@pytest.fixture
def delayed_wheel(served):
    """Delay the first response with the wheel until the event is set."""
    event, asked = threading.Event(), threading.Event()

    def hold(handler, request, origin):
        asked.set()
        event.wait(60)
        handler.send(origin(request))

    served.fails(hold, when=lambda request: request.path.endswith(WHEEL))
    event.asked = asked
    yield event
    event.set()


def wait_for_manifest_requests(served, times):
    deadline = time.monotonic() + 30
    while sum(request.path == "/v1.0/manifest.json" for request in served.requests) < times:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.5)  # the run now waits for the lock


class TestConcurrentRuns:
    def test_two_runs_take_turns_and_fetch_everything_once(self, start_run, served, delayed_wheel, home):
        first = start_run("--store", served.url)
        assert delayed_wheel.asked.wait(30)
        second = start_run("--store", served.url)
        wait_for_manifest_requests(served, 2)
        assert second.poll() is None

        delayed_wheel.set()
        require_success(first)
        require_success(second)

        fetched = [request.path for request in served.requests if not request.path.endswith("manifest.json")]
        assert sorted(fetched) == sorted(set(fetched)), "each once"
        assert (home / "inputs/1.0" / WHEEL).read_bytes() == b"wheel"

    def test_a_waiting_run_takes_over_from_a_killed_one(self, start_run, served, delayed_wheel, home):
        first = start_run("--store", served.url)
        assert delayed_wheel.asked.wait(30)
        second = start_run("--store", served.url)
        wait_for_manifest_requests(served, 2)

        os.killpg(first.pid, signal.SIGKILL)

        require_success(second)
        assert (home / "inputs/1.0" / WHEEL).read_bytes() == b"wheel"
        first.wait()
        first.stderr.close()

    def test_removal_waits_for_a_run_and_removes_all_of_it(self, start_run, served, delayed_wheel, box):
        first = start_run("--store", served.url)
        assert delayed_wheel.asked.wait(30)
        removal = start_run("--uninstall")
        time.sleep(1)
        assert removal.poll() is None
        assert box.exists()

        delayed_wheel.set()
        require_success(first)
        require_success(removal)

        assert not box.exists()

    @pytest.mark.parametrize("shell", ["bash", "dash"])
    def test_a_run_that_waited_for_a_removal_starts_from_scratch(self, shell, start_run, served, home):
        (home / "inputs").mkdir(parents=True)
        with (home / "inputs/.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            waiting = start_run("--store", served.url, shell=shell)
            wait_for_manifest_requests(served, 1)
            assert waiting.poll() is None
            shutil.rmtree(home)

        require_success(waiting)

        assert (home / "variables.json").exists()
        assert (home / "inputs/.lock").exists()


def test_a_folder_with_shell_characters_in_its_name_is_removed(start_run, served, box, tmp_path):
    before = tree(tmp_path)

    require_success(start_run("--store", served.url))
    assert box.exists()
    require_success(start_run("--uninstall"))

    assert tree(tmp_path) == before


class TestKills:
    @pytest.fixture
    def steps(self, tmp_path):
        return write_steps(tmp_path / "bin")

    @pytest.fixture
    def run(self, steps, tmp_path, box, served):
        (tmp_path / "home").mkdir()

        def run(action, *, until):
            arguments = ["--uninstall"] if action == "remove" else ["--store", served.url]
            return run_until(until, steps, tmp_path / "home", *arguments, "--prefix", box)

        return run

    @pytest.mark.long
    def test_a_killed_first_run_can_be_removed_or_run_again(self, run, box, tmp_path):
        before, step = tree(tmp_path), 1
        while run("provision", until=step):
            assert set(clear_leftovers(tmp_path / "home")) <= {"0o700"}
            if step % 2:
                run("provision", until=NEVER)
            if box.exists():
                run("remove", until=NEVER)
            assert tree(tmp_path) == before, f"killed at step {step}"
            step += STRIDE

        assert step > 2 * STRIDE, "several kills came before its end"

    @pytest.mark.long
    def test_a_killed_removal_can_be_run_again(self, run, box, tmp_path):
        before, step, killed = tree(tmp_path), 1, True
        while killed:
            run("provision", until=NEVER)
            killed = run("remove", until=step)
            clear_leftovers(tmp_path / "home")
            if box.exists():
                run("remove", until=NEVER)
            assert tree(tmp_path) == before, f"killed at step {step}"
            step += STRIDE // 2

        assert step > STRIDE, "several kills came before its end"
