"""Transcription from Python, with a small pipeline and a transcriber without a model."""

from contextlib import contextmanager

import pytest
from support import fake_transcriber
from support.alignment import ALIGNERS, ENGLISH
from support.fake_aligner import write_interpreter
from support.small_pipelines import restored
from support.transcription import FAKE, MODELS

import diarize_runner
from diarize_runner import TranscriptionOptions
from diarize_runner.alignment.environment import VARIABLE, find_interpreter
from diarize_runner.alignment.transcriber import AligningTranscriber
from diarize_runner.api import session as api
from diarize_runner.errors import UsageError
from diarize_runner.transcription.transcriber import Transcriber


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return restored(tmp_path_factory.mktemp("both"), models={**MODELS, **ALIGNERS})


@pytest.fixture(scope="module")
def session(cache):
    with new_session(cache) as session:
        yield session


@contextmanager
def new_session(cache):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "open_transcriber", lambda cache, options: Transcriber(cache, options, child=FAKE))
        with diarize_runner.open_session(cache, device="cpu") as session:
            yield session


@pytest.fixture
def pids(monkeypatch, tmp_path):
    path = tmp_path / "requests"
    monkeypatch.setenv(fake_transcriber.LOG, str(path))
    return lambda: [line.split()[0] for line in path.read_text().splitlines()]


def test_a_recording_is_transcribed_without_speakers(session, call, tmp_path):
    found = session.transcribe(call, options=TranscriptionOptions(model="small", language="German"))
    assert [segment.speaker for segment in found.segments] == [None]
    assert found.segments[0].text.startswith(" peak 0.")
    assert found.language == "de"
    assert found.write(tmp_path / "call.srt").read_text().startswith("1\n00:00:00,100 --> 00:00:00,933\npeak 0.")


def test_samples_are_transcribed_as_a_file_of_them_is(session, call, samples):
    by_samples = session.transcribe(samples, sample_rate=16_000)
    assert by_samples.segments == session.transcribe(call).segments


def test_a_transcript_without_speakers_cannot_be_written_as_rttm(session, call, tmp_path):
    with pytest.raises(UsageError, match="needs speaker turns"):
        session.transcribe(call).write(tmp_path / "call.rttm")


def test_a_run_transcribes_diarizes_and_labels(session, call, tmp_path):
    found = session.run(call, num_speakers=2)
    assert len(found.diarization.speakers) == 2
    assert {segment.speaker for segment in found.segments} <= {*found.diarization.speakers, None}
    assert found.write(tmp_path / "call.rttm").read_text()


def test_calls_with_the_same_options_share_a_model(cache, call, pids):
    with new_session(cache) as session:
        session.transcribe(call)
        session.run(call)
        session.transcribe(call, options=TranscriptionOptions(model="small"))
    first, second, third = pids()
    assert first == second != third


def test_an_impossible_option_is_refused_and_the_session_still_works(session, call):
    with pytest.raises(UsageError, match=r"tiny\.en knows only English"):
        session.transcribe(call, options=TranscriptionOptions(language="de"))
    assert session.transcribe(call).segments


def test_a_closed_session_ends_the_transcriber_and_refuses_calls(cache, call, monkeypatch, pids):
    opened = []

    def open_fake(cache, options):
        opened.append(Transcriber(cache, options, child=FAKE))
        return opened[-1]

    monkeypatch.setattr(api, "open_transcriber", open_fake)
    with diarize_runner.open_session(cache, device="cpu") as session:
        session.transcribe(call)
        assert opened[0]._process
    assert opened[0]._process is None
    with pytest.raises(UsageError, match="this session is closed"):
        session.transcribe(call)


def test_words_are_aligned_on_request(cache, call, monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(write_interpreter(tmp_path / "python")))
    monkeypatch.setattr(
        api, "open_transcriber", lambda *given: AligningTranscriber(*given, find_interpreter(), child=FAKE)
    )
    with diarize_runner.open_session(cache, device="cpu") as session:
        found = session.transcribe(call, options=TranscriptionOptions(align=True))
    assert found.origin.provenance.transcription.alignment.model == ENGLISH
