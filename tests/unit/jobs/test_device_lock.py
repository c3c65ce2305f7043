"""Processes take turns on a GPU, and say who has it."""

import errno
import os
import signal
import stat
import subprocess
import sys
from contextlib import ExitStack, contextmanager

import pytest

from diarize_runner.errors import DiskError
from diarize_runner.jobs import device_lock
from diarize_runner.jobs.device_lock import VARIABLE, device_turn, device_turns, transcription_device

GPU = "cuda:97"
NAME = "diarize-runner-cuda-97.lock"
OTHER = """
import sys
from diarize_runner.cli.progress import lines_on
from diarize_runner.jobs.device_lock import device_turn
sys.argv = ["/opt/bin/diarize-runner", "-v", "spool", "/srv/spool"]
with device_turn(sys.stdin.readline().strip(), lines_on(sys.stdout)):
    print("taken", flush=True)
    sys.stdin.readline()
"""


class Lines:
    """Keeps what is printed."""

    def __init__(self):
        self.lines = []

    def advance(self, stage, *, completed, total, overall=None):
        pass

    def print_line(self, line):
        self.lines.append(line)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return tmp_path


@contextmanager
def other_process(device):
    """A process that takes a turn, and keeps it until it reads a line, or its stdin ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", OTHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    with process:
        process.stdin.write(f"{device}\n")
        yield process
        if process.poll() is None:
            process.stdin.close()


def test_a_process_waits_until_the_turn_of_another_ends_and_says_who_has_it(monkeypatch, request):
    monkeypatch.setattr(sys, "argv", ["diarize-runner serve"])
    stack = ExitStack()
    request.addfinalizer(stack.close)
    with device_turn(GPU, Lines()):
        waiting = stack.enter_context(other_process(GPU))
        assert waiting.stdout.readline() == f"waiting for {GPU}: diarize-runner serve (process {os.getpid()}) uses it\n"
    assert waiting.stdout.readline() == "taken\n"


def test_a_gpu_that_two_stages_use_is_locked_once_and_several_in_one_order(folder, monkeypatch):
    taken, wait = [], device_lock._wait
    monkeypatch.setattr(device_lock, "_wait", lambda *each: taken.append(each[1]) or wait(*each))
    with device_turns({"cpu", "cuda:1", "cuda:0"}, Lines()):
        pass
    with device_turns(("cuda:0", "cuda"), Lines()):
        pass
    assert taken == ["cuda:0", "cuda:1", "cuda"]


def test_the_holder_is_named_by_its_command():
    with other_process(GPU) as holding:
        assert holding.stdout.readline() == "taken\n"
        lines = Lines()
        lines.print_line = lambda line: (lines.lines.append(line), holding.stdin.write("\n"))
        with device_turn(GPU, lines):
            assert lines.lines == [f"waiting for {GPU}: diarize-runner spool (process {holding.pid}) uses it"]


def test_the_turn_of_a_killed_process_ends():
    with other_process(GPU) as holding:
        assert holding.stdout.readline() == "taken\n"
        holding.send_signal(signal.SIGKILL)
        holding.wait(20)
        lines = Lines()
        with device_turn(GPU, lines):
            assert lines.lines == []


@pytest.mark.parametrize("other", ["cpu", "mps", "cuda:96"])
def test_other_devices_need_not_wait(other):
    with device_turn(GPU, Lines()), other_process(other) as process:
        assert process.stdout.readline() == "taken\n"


def test_a_cpu_needs_no_lock(folder):
    with device_turn("cpu", Lines()):
        assert list(folder.iterdir()) == []


def test_every_user_may_lock_whatever_the_umask_is(folder):
    before = os.umask(0o077)
    try:
        with device_turn(GPU, Lines()):
            assert stat.S_IMODE((folder / NAME).stat().st_mode) == 0o666
    finally:
        os.umask(before)


def test_a_link_is_not_followed(folder, tmp_path_factory):
    target = tmp_path_factory.mktemp("target") / "precious"
    target.write_text("kept")
    (folder / NAME).symlink_to(target)
    with pytest.raises(DiskError, match=NAME) as raised, device_turn(GPU, Lines()):
        pass
    assert VARIABLE in raised.value.hint
    assert target.read_text() == "kept"


def test_a_lock_in_a_read_only_folder_is_taken_all_the_same(folder, monkeypatch):
    (folder / NAME).touch()
    opened = os.open

    def open_read_only(path, flags, *mode):
        if flags & os.O_ACCMODE != os.O_RDONLY:
            raise OSError(errno.EROFS, "Read-only file system")
        return opened(path, flags, *mode)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", open_read_only)
        turn = device_turn(GPU, Lines())
        turn.__enter__()
    with other_process(GPU) as waiting:
        assert waiting.stdout.readline() == f"waiting for {GPU}: another process uses it\n"
        turn.__exit__(None, None, None)
        assert waiting.stdout.readline() == "taken\n"


def test_an_error_in_a_turn_ends_it(folder):
    with pytest.raises(ValueError, match="it failed"), device_turn(GPU, Lines()):
        raise ValueError("it failed")
    with device_turn(GPU, Lines()):
        assert (folder / NAME).exists()


@pytest.mark.parametrize(
    ("visible", "device", "name"),
    [
        ("", "cuda", "diarize-runner-cuda-0.lock"),
        ("3", "cuda", "diarize-runner-cuda-3.lock"),
        ("3, 5", "cuda:1", "diarize-runner-cuda-5.lock"),
        ("GPU-8932f937/../x", "cuda", "diarize-runner-cuda-GPU-8932f937____x.lock"),
    ],
)
def test_the_lock_has_the_number_by_which_the_machine_knows_the_gpu(folder, monkeypatch, visible, device, name):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with device_turn(device, Lines()):
        assert [each.name for each in folder.iterdir()] == [name]


def test_a_transcriber_that_is_told_its_device_uses_that():
    assert [transcription_device(device) for device in ("cpu", "cuda")] == ["cpu", "cuda"]
