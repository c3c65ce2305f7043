"""The doctor transcribes the sample, and each word needs a speaker; a fake child process stands in for the model."""

from functools import partial

import pytest
from support.fake_transcriber import VARIABLE
from support.transcription import FAKE, recording, verified

from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.doctor import sample
from diarize_runner.doctor.check import Drift
from diarize_runner.errors import DeviceUnavailable, DiarizeRunnerError
from diarize_runner.progress import NoProgress


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return verified(tmp_path_factory.mktemp("sample"))


@pytest.fixture
def transcribe(cache, monkeypatch):
    """Return a function that transcribes and labels two words, by turns of (start, end)."""
    monkeypatch.setattr(sample, "Transcriber", partial(sample.Transcriber, child=FAKE))
    monkeypatch.setattr(sample, "require_package", lambda: None)

    def transcribe(*spans):
        turns = tuple(SpeakerTurn(start=start, end=end, speaker="SPEAKER_00") for start, end in spans)
        diarization = Diarization(uri="talk", turns=turns, exclusive_turns=turns)
        return sample._transcribe(cache, "cpu", recording(), diarization, NoProgress())

    return transcribe


def test_the_default_model_its_words_and_the_device_are_reported(transcribe):
    assert transcribe((0, 1)) == "tiny.en: 2 words, 0 without a speaker, on cpu"


def test_a_word_without_a_speaker_is_drift(transcribe):
    with pytest.raises(Drift, match=r"^tiny\.en: 2 words, 2 without a speaker, on cpu$"):
        transcribe()


def test_a_model_that_fails_is_an_error(transcribe, monkeypatch):
    monkeypatch.setenv(VARIABLE, "fails")
    with pytest.raises(DeviceUnavailable, match="no CUDA device"):
        transcribe((0, 1))


def test_a_missing_package_is_an_error(cache, monkeypatch):
    monkeypatch.setattr("diarize_runner.doctor.transcription.find_spec", lambda _: None)
    diarization = Diarization(uri="talk", turns=(), exclusive_turns=())
    with pytest.raises(DiarizeRunnerError, match="faster-whisper is not installed"):
        sample._transcribe(cache, "cpu", recording(), diarization, NoProgress())
