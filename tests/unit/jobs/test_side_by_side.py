"""Transcription and diarization of one recording: side by side on the CPU, one after the other on a GPU."""

import os
import threading
from contextlib import nullcontext

import numpy as np
import pytest
from support.diarizers import OneSpeaker
from support.transcription import FAKE, verified

from diarize_runner.diarization.audio import DecodedRecording
from diarize_runner.digests import hash_bytes
from diarize_runner.errors import Interrupted, PipelineError
from diarize_runner.jobs import device_lock, session
from diarize_runner.jobs.job import Job
from diarize_runner.jobs.session import Session
from diarize_runner.jobs.transcribing import TranscribingSession
from diarize_runner.transcript.formats import json
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcription.options import TranscriptionOptions
from diarize_runner.transcription.transcriber import Transcriber

PATIENCE = 30
"""Seconds until a stage gives up waiting for the other."""


class Console:
    """Records who reports what."""

    def __init__(self):
        self.reports = []

    def advance(self, stage, *, completed, total, overall=None):
        self.reports.append((threading.get_ident(), stage, completed, total))

    def print_line(self, line):
        pass

    def paused(self):
        return nullcontext()


class Audio:
    name, channel, stream = "talk", None, None

    def decode(self):
        waveform = np.zeros(32_000, np.float32)
        waveform[100] = 0.5
        return DecodedRecording(uri="talk", waveform=waveform, digest=hash_bytes(b"talk").digest)


class Watched(Transcriber):
    """Calls `meanwhile` while it transcribes."""

    meanwhile = staticmethod(lambda: None)

    def transcribe(self, recording, progress):
        self.thread = threading.get_ident()
        self.meanwhile()
        return super().transcribe(recording, progress)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return verified(tmp_path_factory.mktemp("side"))


@pytest.fixture
def both(cache):
    with Watched(cache, TranscriptionOptions(model="small", device="cpu"), child=FAKE) as transcriber:
        yield TranscribingSession(
            transcriber=transcriber, session=Session(diarizer=OneSpeaker(), manifest=cache.manifest)
        )


@pytest.fixture
def cores(monkeypatch):
    def cores(number):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(number)))

    cores(2)
    return cores


def run(both, console=None):
    return both.run(Job(audio=Audio()).load(), console or Console())


def test_on_two_cores_both_stages_run_at_the_same_time(both, cores):
    meeting = threading.Barrier(2)
    both.transcriber.meanwhile = lambda: meeting.wait(PATIENCE)
    both.session.diarizer.meanwhile = lambda _: meeting.wait(PATIENCE)

    assert run(both).labelled.segments


@pytest.mark.parametrize("reason", ["one core", "a GPU"])
def test_otherwise_the_diarization_follows_the_transcription(both, cores, reason, monkeypatch, tmp_path):
    order = []
    both.transcriber.meanwhile = lambda: order.append("transcription")
    both.session.diarizer.meanwhile = lambda _: order.append("diarization")
    monkeypatch.setenv(device_lock.VARIABLE, str(tmp_path))
    if reason == "one core":
        cores(1)
    else:
        both.session.diarizer.device = "cuda"

    run(both)

    assert order == ["transcription", "diarization"]
    assert both.transcriber.thread == threading.get_ident()


@pytest.mark.parametrize("transcribes", [False, True])
def test_the_wait_for_a_gpu_is_no_processing_time(both, monkeypatch, tmp_path, transcribes):
    order, wait, start = [], device_lock._wait, session.timed
    monkeypatch.setenv(device_lock.VARIABLE, str(tmp_path))
    monkeypatch.setattr(device_lock, "_wait", lambda *each: order.append("wait") or wait(*each))
    monkeypatch.setattr(session, "timed", lambda *each: order.append("time") or start(*each))
    both.session.diarizer.device = "cuda"

    run(both if transcribes else both.session)

    assert order == ["wait", "time"]


def test_the_result_does_not_depend_on_the_order(both, cores):
    def rendered():
        result = run(both)
        return json.render(Document(transcript=result.labelled, provenance=result.provenance))

    beside = rendered()
    cores(1)
    assert beside == rendered()


def test_only_the_calling_thread_reports_progress(both, cores):
    diarized = threading.Event()
    both.transcriber.meanwhile = lambda: diarized.wait(PATIENCE)
    both.session.diarizer.meanwhile = lambda _: diarized.set()
    console = Console()

    run(both, console)

    assert {thread for thread, *_ in console.reports} == {threading.get_ident()}
    stages = list(dict.fromkeys(stage for _, stage, *_ in console.reports))
    assert stages == ["segmentation", "embeddings", "clustering", "transcription"]
    assert console.reports[-1][1:] == ("transcription", 2, 2)


def test_a_failed_diarization_stops_the_transcription(both, cores):
    transcribing_now = threading.Event()
    both.transcriber.meanwhile = transcribing_now.set

    def fail(_):
        transcribing_now.wait(PATIENCE)
        raise PipelineError("it broke")

    both.session.diarizer.meanwhile = fail
    with pytest.raises(PipelineError, match="it broke"):
        run(both)
    assert not [each for each in threading.enumerate() if each.name.startswith("transcribe")]
    both.session.diarizer.meanwhile = lambda _: None
    assert run(both).labelled.segments, "the next recording is transcribed"


def test_a_failed_transcription_is_the_error_of_the_recording(both, cores):
    def fail():
        raise Interrupted("the transcription was cancelled")

    both.transcriber.meanwhile = fail
    with pytest.raises(Interrupted):
        run(both)


def test_the_child_process_outlives_the_thread_that_used_it(both, cores):
    run(both)
    first = both.transcriber._process
    run(both)
    assert both.transcriber._process is first
    assert first.is_running


def test_the_time_of_a_run_covers_both_stages_and_is_kept_apart(both, cores, cache):
    took = run(both)
    assert took.timing.processing_seconds >= took.transcription_seconds > 0
    loaded = Job(audio=Audio()).load()
    assert both._session_for(loaded)._history(loaded).read()
    assert both.session._history(loaded).read() is None, "a diarization alone takes less"
