"""Batches: an error of one recording stops no other, and an error of the box stops all."""

import errno

import numpy as np
import pytest
from support.batches import SilentConsole
from support.caches import Site
from support.diarizers import OneSpeaker

from diarize_runner.cache.box.folder import read_manifest
from diarize_runner.diarization.audio import DecodedRecording
from diarize_runner.digests import hash_bytes
from diarize_runner.errors import (
    DeviceUnavailable,
    DiskError,
    DiskFull,
    EmptyAudio,
    IntegrityError,
    ManifestError,
    OfflineViolation,
    PipelineError,
    TranscriptError,
    UnexpectedError,
    UnreadableAudio,
)
from diarize_runner.jobs.batch import BatchItem, Failed, Succeeded, run_batch
from diarize_runner.jobs.job import Job, SpeechDetectionTask
from diarize_runner.jobs.outputs import HTML_AUDIO, Outputs
from diarize_runner.jobs.session import Session
from diarize_runner.transcript.formats.registry import FORMATS

RECORDING_ERRORS = [UnreadableAudio, EmptyAudio, TranscriptError, PipelineError, OfflineViolation, DiskError]
FOREIGN_ERRORS = [OverflowError, MemoryError, RecursionError, KeyError, OSError, UnicodeDecodeError, ZeroDivisionError]
BOX_ERRORS = [IntegrityError, ManifestError, DeviceUnavailable, DiskFull, ModuleNotFoundError]
SHARED_ERRORS = [IntegrityError, DeviceUnavailable, DiskFull, ModuleNotFoundError]


class FakeAudio:
    """One second of silence; `decode` raises `error`, if any."""

    channel = stream = None

    def __init__(self, name, error=None):
        self.name, self.error = name, error

    def decode(self):
        if self.error:
            raise self.error
        waveform = np.zeros(16_000, dtype=np.float32)
        return DecodedRecording(uri=self.name, waveform=waveform, digest=hash_bytes(self.name.encode()).digest)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    site = Site(folder=tmp_path_factory.mktemp("tiny"))
    site.publish()
    return read_manifest(site.restore().cache.root)


@pytest.fixture
def session(manifest):
    return Session(diarizer=OneSpeaker(), manifest=manifest)


@pytest.fixture
def item(tmp_path):
    def item(name, error=None, **job):
        outputs = Outputs(
            recording=None, paths={"rttm": tmp_path / f"{name}.rttm"}, formats=FORMATS, html_audio=HTML_AUDIO["none"]
        )
        return BatchItem(job=Job(audio=FakeAudio(name, error), **job), outputs=outputs)

    return item


@pytest.mark.parametrize("kind", RECORDING_ERRORS)
def test_an_error_of_one_recording_stops_no_other(session, item, tmp_path, kind):
    items = [item("ada"), item("bad", kind("message")), item("cy")]
    ada, bad, cy = run_batch(items, lambda _first: session, SilentConsole())
    assert isinstance(ada, Succeeded)
    assert isinstance(bad, Failed)
    assert isinstance(cy, Succeeded)
    assert type(bad.error) is kind
    assert sorted(path.name for path in tmp_path.glob("*.rttm")) == ["ada.rttm", "cy.rttm"]


def foreign(kind):
    return kind("utf-8", b"x", 0, 1, "invalid") if kind is UnicodeDecodeError else kind("a message")


class FailingOnce(OneSpeaker):
    """Raises an error for the recording `bad`."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def diarize(self, recording, hints, progress):
        if recording.uri == "bad":
            raise self.error
        return super().diarize(recording, hints, progress)


@pytest.mark.parametrize("kind", FOREIGN_ERRORS)
@pytest.mark.parametrize("stage", ["decoding", "diarization"])
def test_an_unexpected_exception_stops_no_other_and_its_traceback_is_logged(
    session, manifest, item, kind, stage, caplog
):
    caplog.set_level("INFO", "diarize_runner")
    reason = foreign(kind)
    items = [item("ada"), item("bad", reason if stage == "decoding" else None), item("cy")]
    failing = Session(diarizer=FailingOnce(reason), manifest=manifest)
    ada, bad, cy = run_batch(items, lambda _first: failing, SilentConsole())
    assert [type(outcome) for outcome in (ada, bad, cy)] == [Succeeded, Failed, Succeeded]
    assert type(bad.error) is UnexpectedError
    assert bad.error.message.startswith(f"bad: {kind.__name__} in test_batches.py, line ")
    assert bad.error.hint.startswith("run it again with -v for the traceback")
    assert "Traceback (most recent call last):" in caplog.messages


@pytest.mark.parametrize("kind", SHARED_ERRORS)
@pytest.mark.parametrize("stage", ["decoding", "diarization"])
def test_what_is_wrong_with_every_recording_ends_the_batch(manifest, item, kind, stage):
    reason = kind("message")
    items = [item("ada"), item("bad", reason if stage == "decoding" else None), item("cy")]
    failing = Session(diarizer=FailingOnce(reason), manifest=manifest)
    outcomes = run_batch(items, lambda _first: failing, SilentConsole())
    assert isinstance(next(outcomes), Succeeded)
    with pytest.raises(kind):
        next(outcomes)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_ends_the_batch(session, item, number):
    with pytest.raises(DiskFull) as error:
        list(run_batch([item("ada", OSError(number, "full")), item("cy")], lambda _first: session, SilentConsole()))
    assert error.value.message == "ada: full"


def test_an_output_on_a_full_disk_ends_the_batch(session, item, tmp_path):
    (tmp_path / "ada.rttm").symlink_to("/dev/full")
    with pytest.raises(DiskFull, match="No space left on device"):
        list(run_batch([item("ada"), item("cy")], lambda _first: session, SilentConsole()))


def test_an_unwritable_output_fails_only_its_recording(session, item, tmp_path):
    (tmp_path / "bad.rttm").mkdir()
    bad, cy = run_batch([item("bad"), item("cy")], lambda _first: session, SilentConsole())
    assert isinstance(bad.error, DiskError)
    assert isinstance(cy, Succeeded)


@pytest.mark.parametrize("kind", BOX_ERRORS)
def test_an_error_of_the_box_propagates(item, kind):
    def open_session(_first):
        raise kind("message")

    with pytest.raises(kind):
        list(run_batch([item("ada"), item("cy")], open_session, SilentConsole()))


def test_the_session_is_opened_once_after_the_first_recording_is_decoded(session, item):
    opened = []

    def open_session(_first):
        opened.append(len(opened))
        return session

    bad = [item("one", EmptyAudio("nothing")), item("two", EmptyAudio("nothing"))]
    outcomes = run_batch([*bad, item("ada"), item("cy")], open_session, SilentConsole())
    assert [type(next(outcomes)) for _ in bad] == [Failed, Failed]
    assert not opened
    assert [type(outcome) for outcome in outcomes] == [Succeeded, Succeeded]
    assert opened == [0]


def test_an_announcement_that_fails_fails_only_its_recording(session, item):
    class Refusing(SilentConsole):
        def print_line(self, line):
            if line.startswith("bad"):
                raise ValueError(line)

    outcomes = run_batch([item("ada"), item("bad"), item("cy")], lambda _first: session, Refusing())
    assert [type(outcome) for outcome in outcomes] == [Succeeded, Failed, Succeeded]


def test_each_recording_is_written_before_the_next_is_decoded(session, item, tmp_path):
    outcomes = run_batch([item("ada"), item("cy")], lambda _first: session, SilentConsole())
    next(outcomes)
    assert [path.name for path in tmp_path.glob("*.rttm")] == ["ada.rttm"]


def test_a_result_has_its_provenance_and_timing(session, item, tmp_path):
    (tmp_path / "ada.srt").write_text("1\n00:00:00,100 --> 00:00:00,900\nHello.\n")
    (done,) = run_batch([item("ada", transcript=tmp_path / "ada.srt")], lambda _first: session, SilentConsole())
    assert [segment.speaker for segment in done.result.labelled.segments] == ["SPEAKER_00"]
    assert done.result.provenance.audio == hash_bytes(b"ada").digest
    assert done.result.provenance.rules == done.item.job.rules
    assert done.result.timing.audio_seconds == 1.0


def test_speech_detection_labels_all_turns_speech(session, item):
    (done,) = run_batch([item("ada", task=SpeechDetectionTask())], lambda _first: session, SilentConsole())
    assert done.result.diarization.speakers == ("SPEECH",)
