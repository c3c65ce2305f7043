"""A decoder may start before its recording comes: it decodes that one only, within the limits of that one."""

import os
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from support.service_process import children_of, is_running, kill_process, until
from support.sounds import tone, write_encoded, write_wav

from diarize_runner.diarization import decoders
from diarize_runner.diarization.audio import SAMPLE_RATE, Limits, Selection, decode_opened
from diarize_runner.diarization.decoders import StandbyDecoder, run_decoder
from diarize_runner.errors import AudioError, UnreadableAudio

PROGRAM = """
import os, signal, socket, sys
from diarize_runner.diarization import decoding
import numpy as np

def decode_into(target, source, request):
    if source.read(7) == b"hostile":
        {hostile}
    target.write(np.float32(os.getpid()).tobytes())
    return decoding.DecoderReport(channels=1, warnings=())

decoding.decode_into = decode_into
sys.exit(decoding.main())
"""
"""A decoder whose only sample is its process id, unless the recording is hostile."""


OTHERS = set()
"""Child processes that other tests of this worker started."""


@pytest.fixture
def talk(tmp_path):
    write_wav(tmp_path / "talk.wav", [np.zeros(SAMPLE_RATE), tone(1, SAMPLE_RATE)], SAMPLE_RATE)
    return tmp_path / "talk.wav"


@pytest.fixture
def hostile(tmp_path):
    (tmp_path / "hostile.wav").write_bytes(b"hostile")
    return tmp_path / "hostile.wav"


@pytest.fixture
def stub(monkeypatch):
    """Return a function that installs PROGRAM with a statement for hostile recordings."""

    def install(statement="pass"):
        monkeypatch.setattr(decoders, "_DECODER", (sys.executable, "-c", PROGRAM.format(hostile=statement)))

    return install


@contextmanager
def standby():
    """Yield a decoder whose thread runs; it has decoded nothing yet."""
    stop, decoder = threading.Event(), StandbyDecoder()
    thread = threading.Thread(target=decoder.keep, args=(stop,))
    thread.start()
    try:
        yield decoder
    finally:
        stop.set()
        decoder.wake()
        thread.join()


def waiting_process():
    """Return the id of the only child process of this one, once it waits for its recording."""
    (process,) = until(decoders_here, "no decoder starts")
    until(lambda: waits(process), "it does not wait")
    return process


def waits(process):
    """Return whether a decoder receives from its socket, which has a second number then."""
    return files_of(process) == ["socket", "/dev/null", "pipe", "socket"]


def files_of(process):
    """Return what a process's descriptors are, by their numbers."""
    found = {}
    for path in Path(f"/proc/{process}/fd").iterdir():
        with suppress(OSError):
            found[int(path.name)] = str(path.readlink()).partition(":")[0]
    return [found[number] for number in sorted(found)]


def decoded(path, run, **options):
    with path.open("rb") as source:
        return decode_opened(source, str(path), run=run, **options)


def process_of(recording):
    return int(recording.waveform[0])


@pytest.fixture(autouse=True)
def no_decoder_is_left():
    OTHERS.clear()
    OTHERS.update(children_of(os.getpid()))
    yield
    assert decoders_here() == []


def decoders_here():
    """Return the child processes of this one that the test has started."""
    return [process for process in children_of(os.getpid()) if process not in OTHERS]


@pytest.mark.parametrize("selection", [Selection(), Selection(channel="each")], ids=["mean", "each channel"])
def test_the_samples_digest_and_warnings_are_those_of_a_decoder_that_starts_now(tmp_path, talk, selection):
    write_encoded(tmp_path / "whole.flac", "flac", "stereo", 44_100)
    cut = tmp_path / "cut.flac"
    cut.write_bytes((tmp_path / "whole.flac").read_bytes()[:-3000])
    with standby() as decoder:
        decoded(talk, decoder.run)
        for path in (talk, cut):
            process = waiting_process()
            found, expected = (
                decoded(path, decoder.run, selection=selection),
                decoded(path, run_decoder, selection=selection),
            )
            assert process not in decoders_here()
            assert found.waveform.tobytes() == expected.waveform.tobytes()
            assert (found.digest, found.warnings) == (expected.digest, expected.warnings)
    assert expected.warnings


def test_a_decoder_starts_ahead_from_the_first_recording_on_and_ends_with_the_thread(talk):
    with standby() as decoder:
        assert decoders_here() == []
        decoded(talk, decoder.run)
        process = waiting_process()
    assert not is_running(process)


def test_each_process_decodes_one_recording_even_after_a_hostile_one(talk, hostile, stub):
    stub("os.kill(os.getpid(), signal.SIGSEGV)")
    with standby() as decoder:
        used = [process_of(decoded(talk, decoder.run))]
        for _ in range(2):
            hit = waiting_process()
            with pytest.raises(UnreadableAudio, match=r"made the decoder crash \(SIGSEGV\)$"):
                decoded(hostile, decoder.run)
            next_process = waiting_process()
            used += [hit, process_of(decoded(talk, decoder.run))]
            assert used[-1] == next_process
    assert len(set(used)) == len(used)


def test_recordings_that_come_together_each_get_a_process(talk, stub):
    stub()
    with standby() as decoder:
        decoded(talk, decoder.run)
        waiting = waiting_process()
        found = []
        threads = [threading.Thread(target=lambda: found.append(decoded(talk, decoder.run))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        used = {process_of(each) for each in found}
        assert waiting in used
        assert len(used) == 4


def test_a_decoder_that_was_killed_while_it_waited_is_replaced(talk, stub):
    stub()
    with standby() as decoder:
        decoded(talk, decoder.run)
        killed = waiting_process()
        kill_process(killed)
        until(lambda: not is_running(killed), "it lives on")
        assert process_of(decoded(talk, decoder.run)) != killed
        assert waiting_process() != killed


LIMITS = {
    "bytearray(3 << 30)": "takes more than 2048 MiB to decode",
    "while True: pass": "takes more than 2 s of CPU time to decode",
    "socket.socket()": "made the decoder fail: OSError: [Errno 24] Too many open files",
    "open('/etc/hostname')": "made the decoder fail: OSError: [Errno 24] Too many open files: '/etc/hostname'",
}


@pytest.mark.parametrize(("statement", "cause"), LIMITS.items(), ids=LIMITS)
def test_a_decoder_that_waited_has_the_limits_of_its_recording(talk, hostile, stub, statement, cause):
    stub(statement)
    with standby() as decoder:
        decoded(talk, decoder.run)
        waiting_process()
        with pytest.raises(UnreadableAudio) as caught:
            decoded(hostile, decoder.run, limits=Limits(cpu_seconds=2))
    assert caught.value.message == f"{hostile} {cause}"


def test_a_decoder_that_waited_is_killed_when_its_recording_takes_too_long(talk, hostile, stub):
    stub("signal.pause()")
    with standby() as decoder:
        decoded(talk, decoder.run)
        process = waiting_process()
        with pytest.raises(UnreadableAudio, match=r"takes more than 0\.2 s to decode$"):
            decoded(hostile, decoder.run, limits=Limits(wall_seconds=0.2))
        assert not is_running(process)


def test_the_time_of_a_recording_does_not_include_the_wait_of_its_decoder(talk, stub, monkeypatch):
    stub()
    waits, communicate = [], subprocess.Popen.communicate
    monkeypatch.setattr(
        subprocess.Popen, "communicate", lambda process, timeout: waits.append(timeout) or communicate(process)
    )
    with standby() as decoder:
        decoded(talk, decoder.run)
        process = waiting_process()
        assert process_of(decoded(talk, decoder.run, limits=Limits(wall_seconds=7))) == process
    assert waits == [Limits().wall_seconds, 7]


def test_a_decoder_that_waits_has_no_file_but_the_socket_and_its_output(talk):
    with standby() as decoder:
        decoded(talk, decoder.run)
        assert files_of(waiting_process()) == ["socket", "/dev/null", "pipe", "socket"]


def test_no_descriptor_stays_open_here(talk, stub):
    stub()

    before = len(files_of(os.getpid()))
    with standby() as decoder:
        for _ in range(3):
            decoded(talk, decoder.run)
            waiting_process()
    assert len(files_of(os.getpid())) == before


SERVER = """
import sys, threading, time
from diarize_runner.diarization import audio
from diarize_runner.diarization.decoders import StandbyDecoder
decoder = StandbyDecoder()
threading.Thread(target=decoder.keep, args=(threading.Event(),), daemon=True).start()
with open(sys.argv[1], "rb") as source:
    audio.decode_opened(source, sys.argv[1], run=decoder.run)
time.sleep(600)
"""


def test_a_decoder_that_waits_dies_when_its_parent_is_killed(talk):
    parent = subprocess.Popen([sys.executable, "-c", SERVER, str(talk)])
    first = until(lambda: children_of(parent.pid), "no decoder starts")
    (process,) = until(lambda: set(children_of(parent.pid)) - set(first), "no decoder starts ahead")
    until(lambda: waits(process), "it does not wait")

    parent.kill()

    parent.wait()
    until(lambda: not is_running(process), "it outlives its parent")


def test_a_decoder_that_cannot_start_ahead_starts_with_its_recording(talk, stub, monkeypatch, caplog):
    stub()
    start = decoders.DecoderProcess.start
    failing = threading.get_ident()

    def refuse(cls):
        if threading.get_ident() != failing:
            raise OSError(11, "Resource temporarily unavailable")
        return start()

    monkeypatch.setattr(decoders.DecoderProcess, "start", classmethod(refuse))
    with standby() as decoder:
        first = process_of(decoded(talk, decoder.run))
        until(lambda: caplog.messages, "no warning")
        assert process_of(decoded(talk, decoder.run)) != first
    assert set(caplog.messages) == {"no decoder starts ahead of its recording: Resource temporarily unavailable"}


def test_a_decoder_that_cannot_import_says_so(talk, monkeypatch):
    monkeypatch.setattr(decoders, "_DECODER", (sys.executable, "-c", "raise ImportError('no av')"))
    with pytest.raises(AudioError, match="made the decoder fail: ImportError: no av"):
        decoded(talk, run_decoder)
