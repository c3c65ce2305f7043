"""Many jobs: what is wrong with one recording stops no other, and what is wrong with all stops at once."""

from contextlib import nullcontext

import numpy as np
import pytest
from support.caches import Site
from support.diarizers import OneSpeaker

from diarize_runner.cache.box.folder import read_manifest
from diarize_runner.diarization.audio import Recording
from diarize_runner.digests import content_of
from diarize_runner.errors import (
    DeviceUnavailable,
    DiskError,
    EmptyAudio,
    IntegrityError,
    ManifestError,
    OfflineViolation,
    PipelineError,
    TranscriptError,
    UnreadableAudio,
)
from diarize_runner.jobs.batch import Done, Failed, Order, run_batch
from diarize_runner.jobs.job import FindSpeech, Job
from diarize_runner.jobs.outputs import SOUNDS, Outputs
from diarize_runner.jobs.session import Session
from diarize_runner.transcript.formats.known import FORMATS

OF_ONE = [UnreadableAudio, EmptyAudio, TranscriptError, PipelineError, OfflineViolation, DiskError]
OF_ALL = [IntegrityError, ManifestError, DeviceUnavailable, ModuleNotFoundError]


class Unwatched:
    """A progress that nobody watches."""

    def advance(self, stage, *, completed, total, whole=None):
        pass

    def tell(self, line):
        pass

    def paused(self):
        return nullcontext()


class Said:
    """A recording of a second that cannot be heard, where there is an error."""

    channel = None

    def __init__(self, name, error=None):
        self.name, self.error = name, error

    def decode(self):
        if self.error:
            raise self.error
        return Recording(uri=self.name, waveform=np.zeros(16_000, dtype=np.float32))

    def digest(self):
        return content_of(self.name.encode()).digest


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    site = Site(folder=tmp_path_factory.mktemp("tiny"))
    site.publish()
    return read_manifest(site.restore().cache.root)


@pytest.fixture
def session(manifest):
    return Session(diarizer=OneSpeaker(), manifest=manifest)


@pytest.fixture
def order(tmp_path):
    def order(name, error=None, **job):
        outputs = Outputs(
            recording=None, paths={"rttm": tmp_path / f"{name}.rttm"}, formats=FORMATS, sound=SOUNDS["none"]
        )
        return Order(job=Job(audio=Said(name, error), **job), outputs=outputs)

    return order


@pytest.mark.parametrize("kind", OF_ONE)
def test_what_is_wrong_with_one_recording_stops_no_other(session, order, tmp_path, kind):
    orders = [order("ada"), order("bad", kind("what is wrong")), order("cy")]
    ada, bad, cy = run_batch(orders, lambda: session, Unwatched())
    assert isinstance(ada, Done)
    assert isinstance(bad, Failed)
    assert isinstance(cy, Done)
    assert type(bad.error) is kind
    assert sorted(path.name for path in tmp_path.glob("*.rttm")) == ["ada.rttm", "cy.rttm"]


def test_a_file_that_cannot_be_written_fails_its_recording_alone(session, order, tmp_path):
    (tmp_path / "bad.rttm").mkdir()
    bad, cy = run_batch([order("bad"), order("cy")], lambda: session, Unwatched())
    assert isinstance(bad.error, DiskError)
    assert isinstance(cy, Done)


@pytest.mark.parametrize("kind", OF_ALL)
def test_what_is_wrong_with_every_recording_comes_through(order, kind):
    def open_session():
        raise kind("what is wrong")

    with pytest.raises(kind):
        list(run_batch([order("ada"), order("cy")], open_session, Unwatched()))


def test_the_session_is_opened_once_when_the_first_recording_is_heard(session, order):
    opened = []

    def open_session():
        opened.append(len(opened))
        return session

    bad = [order("one", EmptyAudio("nothing")), order("two", EmptyAudio("nothing"))]
    outcomes = run_batch([*bad, order("ada"), order("cy")], open_session, Unwatched())
    assert [type(next(outcomes)) for _ in bad] == [Failed, Failed]
    assert not opened
    assert [type(outcome) for outcome in outcomes] == [Done, Done]
    assert opened == [0]


def test_each_recording_is_done_before_the_next_is_heard(session, order, tmp_path):
    outcomes = run_batch([order("ada"), order("cy")], lambda: session, Unwatched())
    next(outcomes)
    assert [path.name for path in tmp_path.glob("*.rttm")] == ["ada.rttm"]


def test_a_result_says_what_it_was_made_from_and_how_long_that_took(session, order, tmp_path):
    (tmp_path / "said.srt").write_text("1\n00:00:00,100 --> 00:00:00,900\nHello.\n")
    (done,) = run_batch([order("ada", transcript=tmp_path / "said.srt")], lambda: session, Unwatched())
    assert [segment.speaker for segment in done.result.labelled.segments] == ["SPEAKER_00"]
    assert done.result.provenance.audio == content_of(b"ada").digest
    assert done.result.provenance.rules == done.order.job.rules
    assert done.result.timing.audio_seconds == 1.0


def test_speech_is_found_without_saying_whose_it_is(session, order):
    (done,) = run_batch([order("ada", task=FindSpeech())], lambda: session, Unwatched())
    assert done.result.diarization.speakers == ("SPEECH",)
