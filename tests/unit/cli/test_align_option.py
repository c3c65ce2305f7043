"""`--align`, with a transcriber and an aligner that need no model."""

import json

import pytest
from support.alignment import ALIGNERS, ENGLISH
from support.diarizers import OneSpeaker
from support.fake_aligner import PACKAGES, write_interpreter
from support.transcription import FAKE, MODELS, restored

from diarize_runner.alignment.environment import VARIABLE, find_interpreter
from diarize_runner.alignment.transcriber import AligningTranscriber
from diarize_runner.diarization import engine
from diarize_runner.jobs import transcribing


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return restored(tmp_path_factory.mktemp("models"), {**MODELS, **ALIGNERS})


@pytest.fixture
def command(run, models, monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(write_interpreter(tmp_path / "python")))
    monkeypatch.setattr(engine, "load", lambda *_: OneSpeaker())
    return lambda verb, *arguments: run(verb, "--cache", models, *arguments)


@pytest.fixture
def _fake_transcriber(monkeypatch):
    def open_fake(cache, options):
        assert options.align
        return AligningTranscriber(cache, options, find_interpreter(), child=FAKE)

    monkeypatch.setattr(transcribing, "open_transcriber", open_fake)


@pytest.mark.usefixtures("_fake_transcriber")
@pytest.mark.parametrize("verb", ["transcribe", "run"])
def test_the_result_has_aligned_words_and_says_what_aligned_them(command, speech, tmp_path, verb):
    out = tmp_path / "speech.json"
    ran = command(verb, speech, "--align", "-o", out)
    assert ran.exit_code == 0, ran.stderr
    document = json.loads(out.read_text())
    first, second = document["segments"][0]["words"]
    assert (first["start"], first["end"]) != (0.1, 0.4), "these are the times of the fake transcriber"
    assert first["end"] <= second["start"]
    made = document["provenance"]["transcription"]["alignment"]
    assert (made["model"], made["device"], made["packages"]) == (ENGLISH, "cpu", PACKAGES)


@pytest.mark.usefixtures("_fake_transcriber")
def test_the_summary_names_both_models(command, speech):
    ran = command("transcribe", speech, "--align")
    assert f"with Systran/faster-whisper-tiny.en in int8 on cpu and {ENGLISH}, 2 words" in ran.stderr


@pytest.mark.parametrize("verb", ["transcribe", "run"])
def test_without_an_environment_it_exits_with_2_and_says_how_to_create_one(command, speech, monkeypatch, verb):
    monkeypatch.delenv(VARIABLE)
    ran = command(verb, speech, "--align")
    assert ran.exit_code == 2
    assert "error: alignment needs an environment with whisperX" in ran.stderr
    assert f"hint: run scripts/install-alignment.sh DIR, then set {VARIABLE}=DIR/bin/python" in ran.stderr


def test_a_language_without_a_model_exits_with_2_before_the_recording_is_transcribed(command, speech):
    ran = command("transcribe", speech, "--align", "--model", "small", "--language", "German")
    assert ran.exit_code == 2
    assert "no alignment model for the language de" in ran.stderr
    assert "wav2vec2-large-xlsr-53-german" in ran.stderr


@pytest.mark.parametrize("other", ["--no-words", "--translate"])
def test_it_needs_the_words_that_were_said(command, speech, other):
    ran = command("transcribe", speech, "--align", "--model", "small", other)
    assert ran.exit_code == 2
    assert f"leave out {other}" in ran.stderr
