"""The real model process with the embedded models: what the commands write, and the memory that it gives back."""

import json
import os
import shutil
import sys
import threading
import time
import wave
from contextlib import suppress
from importlib.metadata import distribution
from pathlib import Path

import pytest
from support.command import succeed
from support.fake_queue import FakeQueue, job_of

from diarize_runner.cache.box.open import open_cache
from diarize_runner.diarization import audio
from diarize_runner.progress import NoProgress
from diarize_runner.service.folder import ServiceFolder
from diarize_runner.service.recording import DecodedUpload
from diarize_runner.service.voices import require_usable
from diarize_runner.service.work import Work
from diarize_runner.service.workers.dispatcher import Dispatcher
from diarize_runner.service.workers.memory import resident_bytes
from diarize_runner.service.workers.models import CHILD, Models
from diarize_runner.service.workers.pace import Pace
from diarize_runner.service.workers.protocol import ModelSettings
from diarize_runner.transcript.formats.registry import FORMATS, JSON_STYLES

pytestmark = pytest.mark.scenario

SAMPLE = Path(distribution("pyannote.audio").locate_file("pyannote/audio/sample/sample.wav"))
COMPARED = ("json", "srt", "rttm")
VOICES = "voices.json"
ALONE = (22, 27)
"""Seconds of the sample in which only one of its speakers talks."""


class Service:
    """A dispatcher in a thread, its queue, and its folder."""

    def __init__(self, folder, box, idle_seconds=None):
        self.queue, self.folder, self.models = FakeQueue(), ServiceFolder(path=folder), Models()
        self.folder.create()
        self.stop, self.changes = threading.Event(), []
        self.dispatcher = Dispatcher(
            box="box",
            queue=self.queue,
            folder=self.folder,
            models=self.models,
            settings=ModelSettings(cache=str(box), device="cpu", voices=str(folder / VOICES)),
            pace=Pace(idle_seconds=idle_seconds),
            on_change=self.changes.append,
        )
        self.thread = threading.Thread(target=self.dispatcher.run, args=(self.stop,))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.dispatcher.wake()
        self.thread.join(30)

    def add(self, job_id, work, recording=SAMPLE, transcript=None, references=()):
        decoded = audio.decode(recording)
        with self.folder.new_job(job_id) as job:
            job.samples.write_bytes(decoded.waveform.tobytes())
            upload = DecodedUpload(uri=decoded.uri, digest=str(decoded.digest), warnings=decoded.warnings)
            job.recording.write_bytes(upload.encode())
            for number, path in enumerate(references):
                job.reference(number).write_bytes(audio.decode(path).waveform.tobytes())
            if transcript:
                shutil.copy(transcript, job.transcript)
        self.queue.add(job_of(job_id, work, decoded.duration))
        self.dispatcher.wake()

    def finished(self, job_id):
        wait_until(lambda: self.queue.job(job_id).is_final, 120)
        job = self.queue.job(job_id)
        assert job.state == "succeeded", job.failure
        return self.folder.job(job_id).result(job.result)


def wait_until(holds, seconds):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def model_processes():
    """Return the resident bytes of the model processes that this process has, and of their children."""
    return sum(resident_bytes(process) for process in children(os.getpid()) if CHILD in command_of(process))


def children(parent):
    found = Path(f"/proc/{parent}/task").glob("*/children")
    return [int(child) for path in found for child in path.read_text().split()]


def command_of(process):
    with suppress(OSError):  # it has just ended
        return Path(f"/proc/{process}/cmdline").read_text().split("\0")
    return []


@pytest.fixture(scope="module")
def service(embedded_box, tmp_path_factory):
    with Service(tmp_path_factory.mktemp("service"), embedded_box) as running:
        yield running


@pytest.fixture(scope="module")
def commanded(embedded_box, tmp_path_factory):
    """The files of `run` and of `diarize -t`."""
    folder = tmp_path_factory.mktemp("commanded")
    common = ("--cache", embedded_box, "--device", "cpu")
    succeed("run", SAMPLE, *common, "--output-dir", folder / "run")
    transcript = folder / "run/sample.srt"
    succeed("diarize", SAMPLE, *common, "-t", transcript, *outputs(folder / "diarize", COMPARED))
    return folder


def outputs(folder, formats):
    folder.mkdir()
    return [each for name in formats for each in ("-o", folder / f"sample{FORMATS[name].suffix}")]


def same(result, folder, formats):
    for name in formats:
        assert (result / name).read_bytes() == (folder / f"sample{FORMATS[name].suffix}").read_bytes(), name


def test_run_gives_the_bytes_of_the_command(service, commanded):
    service.add("run", Work(task="run", name="sample.wav", transcription_model="tiny.en"))
    result = service.finished("run")
    same(result, commanded / "run", COMPARED)
    names = {each.name for each in result.iterdir()}
    assert names == {*FORMATS, *(f"json-{style}" for style in JSON_STYLES), "document.json"}
    document = json.loads((result / "json").read_text())
    assert (document["language"], document["provenance"]["device"]) == ("en", "cpu")
    assert document["speakers"] == ["SPEAKER_00", "SPEAKER_01"]
    assert not service.folder.job("run").samples.exists()


def test_diarize_labels_a_transcript_as_the_command_does(service, commanded):
    work = Work(task="diarize", name="sample.wav", has_transcript=True)
    service.add("labelled", work, transcript=commanded / "run/sample.srt")
    same(service.finished("labelled"), commanded / "diarize", COMPARED)


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    """The recording of one speaker of the sample."""
    path = tmp_path_factory.mktemp("speech") / "ada.wav"
    with wave.open(str(SAMPLE)) as call, wave.open(str(path), "wb") as excerpt:
        excerpt.setparams(call.getparams())
        call.setpos(ALONE[0] * call.getframerate())
        excerpt.writeframes(call.readframes((ALONE[1] - ALONE[0]) * call.getframerate()))
    return path


def test_known_speakers_have_the_names_that_the_command_gives_them(service, embedded_box, speech, tmp_path):
    common, voices = ("--cache", embedded_box, "--device", "cpu"), service.folder.path / VOICES
    succeed("voices", "enroll", "Ada Li", speech, "--voices", voices, *common)
    require_usable(voices, open_cache(embedded_box, NoProgress()))
    succeed("run", SAMPLE, *common, "--voices", voices, *outputs(tmp_path / "run", COMPARED))
    service.add("named", Work(task="run", name="sample.wav", transcription_model="tiny.en", known_speakers=True))
    result = service.finished("named")
    same(result, tmp_path / "run", COMPARED)
    assert "Ada Li" in json.loads((result / "json").read_text())["speakers"]


def test_a_speaker_of_whom_a_request_has_five_seconds_gets_the_name(service, speech):
    service.add("plain", Work(name="sample.wav"))
    service.add("referenced", Work(name="sample.wav", references=("agent",)), references=[speech])
    plain, named = (json.loads((service.finished(each) / "json").read_text()) for each in ("plain", "referenced"))
    (label,) = {turn["speaker"] for turn in plain["diarization"] if turn["start"] < ALONE[0] < ALONE[1] < turn["end"]}
    for before, after in zip(plain["diarization"], named["diarization"], strict=True):
        assert after == {**before, "speaker": "agent" if before["speaker"] == label else before["speaker"]}


@pytest.mark.parametrize(("task", "formats"), [("vad", ("json", "rttm")), ("transcribe", ("json", "srt"))])
def test_vad_and_transcribe_give_the_bytes_of_the_commands(service, embedded_box, tmp_path, task, formats):
    common = ("--cache", embedded_box, "--device", "cpu")
    succeed(task, SAMPLE, *common, *outputs(tmp_path / task, formats))
    service.add(
        task, Work(task=task, name="sample.wav", transcription_model="tiny.en" if task == "transcribe" else None)
    )
    result = service.finished(task)
    same(result, tmp_path / task, formats)
    assert (result / "rttm").exists() == (task == "vad")


def test_a_model_that_the_cache_lacks_fails_only_its_job(service):
    service.add("unknown", Work(task="run", name="sample.wav", transcription_model="large-v9"))
    wait_until(lambda: service.queue.job("unknown").is_final, 60)
    job = service.queue.job("unknown")
    assert (job.state, job.failure.kind) == ("failed", "UsageError")
    assert "large-v9" in job.failure.message


def test_a_cancelled_job_gives_its_memory_back_within_2_seconds(service, capsys):
    service.add("cancelled", Work(task="run", name="sample.wav", transcription_model="tiny.en"))
    wait_until(lambda: service.queue.job("cancelled").stage in ("segmentation", "embeddings"), 60)
    before, began = model_processes(), time.monotonic()
    service.queue.request_cancel("cancelled")
    wait_until(lambda: service.queue.job("cancelled").is_final and model_processes() < 1 << 20, 30)
    took = time.monotonic() - began
    with capsys.disabled():
        sys.stderr.write(f"\ncancelled: {before / 2**20:.0f} MiB given back in {took:.2f} s\n")
    assert service.queue.job("cancelled").state == "cancelled"
    assert took < 2
    assert before > 300 << 20


def test_an_idle_model_is_unloaded(embedded_box, tmp_path, capsys):
    with Service(tmp_path, embedded_box, idle_seconds=0) as running:
        running.add("vad", Work(task="vad", name="sample.wav"))
        wait_until(lambda: running.models.is_loaded, 60)
        before = model_processes()
        running.finished("vad")
        wait_until(lambda: model_processes() < 1 << 20, 10)
        with capsys.disabled():
            sys.stderr.write(f"\nidle: {before / 2**20:.0f} MiB given back\n")
        assert not running.models.is_loaded
