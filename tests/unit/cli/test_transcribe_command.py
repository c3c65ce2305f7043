"""`diarize-runner transcribe` and `run`, with a transcriber and a diarizer that need no model."""

import json

import pytest
from support import fake_transcriber
from support.diarizers import OneSpeaker
from support.transcription import FAKE, MODELS, restored
from support.voices import ByPitch, write_speech

from diarize_runner.diarization import engine
from diarize_runner.jobs import transcribing
from diarize_runner.transcript.formats.registry import FORMATS
from diarize_runner.transcript.read import read
from diarize_runner.transcription.transcriber import Transcriber

TEXT = "peak 0.00"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return restored(tmp_path_factory.mktemp("models"), MODELS)


@pytest.fixture
def command(run, models, monkeypatch):
    def open_fake(cache, options):
        return Transcriber(cache, options, child=FAKE)

    monkeypatch.setattr(transcribing, "open_transcriber", open_fake)
    monkeypatch.setattr(engine, "load", lambda *_: OneSpeaker())
    return lambda verb, *arguments: run(verb, "--cache", models, *arguments)


def test_the_text_goes_to_stdout_and_a_summary_to_people(command, speech):
    ran = command("transcribe", speech)
    assert (ran.exit_code, ran.stdout) == (0, f"[00:00:00] {TEXT}\n")
    assert "with Systran/faster-whisper-tiny.en in int8 on cpu, 2 words, language: en" in ran.stderr


def test_a_transcript_that_is_written_is_read_as_one(command, speech, tmp_path):
    out = tmp_path / "speech.json"
    assert command("transcribe", speech, "-o", out).exit_code == 0
    transcript = read(out)
    assert [(segment.start, segment.end, segment.text) for segment in transcript.segments] == [(0.1, 0.8, f" {TEXT}")]
    assert [word.text for word in transcript.segments[0].words] == [" peak", " 0.00"]
    assert transcript.language == "en"


def test_a_transcript_says_which_model_and_options_made_it(command, speech, tmp_path):
    out = tmp_path / "speech.json"
    command("transcribe", speech, "-o", out, "--model", "small", "--language", "German", "--batch-size", "4")
    provenance = json.loads(out.read_text())["provenance"]
    made = provenance["transcription"]
    assert (made["model"], made["language"], made["batch_size"]) == ("Systran/faster-whisper-small", "de", 4)
    assert (made["device"], made["compute_type"], made["vad"], made["words"]) == ("cpu", "int8", True, True)
    assert set(made["packages"]) >= {"faster-whisper", "ctranslate2"}
    assert "engine" not in provenance


def test_programs_read_the_segments(command, speech):
    document = command("transcribe", speech, "--json").document
    assert document["segments"] == [{"start": 0.1, "end": 0.8, "text": f" {TEXT}"}]
    assert (document["language"], document["device"], document["audio_seconds"]) == ("en", "cpu", 1.0)


def test_subtitles_need_no_speakers_but_rttm_does(command, speech, tmp_path):
    assert command("transcribe", speech, "-o", tmp_path / "speech.srt").exit_code == 0
    assert (tmp_path / "speech.srt").read_text() == f"1\n00:00:00,100 --> 00:00:00,933\n{TEXT}\n"
    refused = command("transcribe", speech, "-o", tmp_path / "speech.rttm")
    assert refused.exit_code == 2
    assert "needs speaker turns" in refused.stderr


def test_run_prints_who_said_what(command, speech):
    ran = command("run", speech)
    assert (ran.exit_code, ran.stdout) == (0, f"[00:00:00] SPEAKER_00: {TEXT}\n")
    assert "transcribed in" in ran.stderr


def test_run_writes_every_format_to_a_folder(command, speech, tmp_path):
    assert command("run", speech, "--output-dir", tmp_path / "out").exit_code == 0
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {f"speech{known.suffix}" for known in FORMATS.values()}
    assert "SPEAKER_00" in (tmp_path / "out" / "speech.srt").read_text()


def test_run_records_both_stages(command, speech, tmp_path):
    out = tmp_path / "speech.json"
    document = command("run", speech, "-o", out, "--json").document
    assert document["transcription_seconds"] > 0
    assert (document["engine"], document["speakers"], document["language"]) == ("exact", ["SPEAKER_00"], "en")
    provenance = json.loads(out.read_text())["provenance"]
    assert (provenance["engine"], provenance["transcription"]["compute_type"]) == ("exact", "int8")
    assert provenance["transcript"]["digest"].startswith("sha256:")
    assert provenance["rules"]


def test_several_recordings_share_one_model(command, speech, tmp_path, monkeypatch):
    log = tmp_path / "requests"
    monkeypatch.setenv(fake_transcriber.LOG, str(log))
    other = speech.with_name("other.wav")
    other.write_bytes(speech.read_bytes())
    ran = command("run", speech, other, "--output-dir", tmp_path / "out", "--formats", "srt")
    assert ran.exit_code == 0
    pids = [line.split()[0] for line in log.read_text().splitlines()]
    assert (len(pids), len(set(pids))) == (2, 1)


def test_a_crash_of_the_transcriber_ends_one_recording_and_not_the_batch(command, speech, tmp_path, monkeypatch):
    monkeypatch.setenv(fake_transcriber.VARIABLE, "dies")
    other = speech.with_name("other.wav")
    other.write_bytes(speech.read_bytes())
    ran = command("transcribe", speech, other, "--output-dir", tmp_path / "out", "--formats", "srt")
    assert ran.exit_code == 1
    assert ran.stderr.count("error: the transcriber was killed by signal 9") == 2


REFUSED = {
    "an unknown language": (["--language", "Klingon"], "Whisper knows no language 'Klingon'"),
    "a language that an English model does not know": (["--language", "German"], "tiny.en knows only English"),
    "a translation by an English model": (["--translate"], "tiny.en cannot translate: it knows only English"),
    "a model that the cache lacks": (["--model", "large-v3"], "holds no model 'large-v3'"),
    "half precision on a CPU": (["--device", "cpu", "--compute-type", "float16"], "float16 needs a GPU"),
    "an unknown precision": (["--compute-type", "int4"], "'int4' is not one of auto, float16, float32, int8"),
    "no batch": (["--batch-size", "0"], "'0' is not a positive integer"),
}


@pytest.mark.parametrize("verb", ["transcribe", "run"])
@pytest.mark.parametrize(("options", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_impossible_is_bad_usage_with_a_hint(command, speech, verb, options, message):
    ran = command(verb, speech, *options)
    assert ran.exit_code == 2
    assert f"error: {message}" in ran.stderr or message in ran.stderr
    assert "\nhint: " in ran.stderr


def test_a_cache_without_transcription_models_is_bad_usage(run, box, speech, monkeypatch):
    monkeypatch.setattr(transcribing, "find_spec", lambda _: object())
    ran = run("transcribe", "--cache", box, speech)
    assert ran.exit_code == 2
    assert "holds no transcription model" in ran.stderr


def test_without_faster_whisper_the_error_names_the_extra(run, box, speech, monkeypatch):
    monkeypatch.setattr(transcribing, "find_spec", lambda _: None)
    ran = run("transcribe", "--cache", box, speech)
    assert ran.exit_code == 1
    assert "faster_whisper is not installed here" in ran.stderr
    assert ".[transcription]" in ran.stderr


@pytest.fixture
def inbox(tmp_path, speech):
    folder = tmp_path / "spool/inbox"
    folder.mkdir(parents=True)
    (folder / "call.wav").write_bytes(speech.read_bytes())
    return folder


def test_a_spool_transcribes_recordings_without_a_transcript(command, inbox):
    (inbox / "other.wav").write_bytes((inbox / "call.wav").read_bytes())
    (inbox / "other.json").write_text('[{"start": 0, "end": 0.4, "text": "Hello"}]')
    assert command("spool", inbox.parent, "--settle", "0", "--transcribe").exit_code == 0
    outbox = inbox.parent / "outbox"
    laid_out, kept = (outbox / f"{name}/{name}.labelled.srt" for name in ("call", "other"))
    assert f"00:00:00,100 --> 00:00:00,933\n[SPEAKER_00] {TEXT}\n" in laid_out.read_text()
    assert "00:00:00,000 --> 00:00:00,400\n[SPEAKER_00] Hello\n" in kept.read_text()


def test_a_spool_refuses_transcription_options_without_transcribe(command, inbox):
    ran = command("spool", inbox.parent, "--language", "German")
    assert ran.exit_code == 2
    assert "require --transcribe" in ran.stderr


def test_run_names_the_speakers_whose_voices_are_enrolled(command, run, models, monkeypatch, tmp_path):
    diarizer, voices = ByPitch(), ["--voices", tmp_path / "voices.json"]
    monkeypatch.setattr(engine, "load", lambda *_: diarizer)
    ada = write_speech(tmp_path / "ada.wav", ("ada", 4))
    assert run("voices", "enroll", "Ada", ada, *voices, "--cache", models).exit_code == 0
    call, out = write_speech(tmp_path / "call.wav", ("ada", 3), ("bo", 2)), tmp_path / "call.srt"
    document = command("run", call, *voices, "-o", out, "--json").document
    assert document["speakers"] == ["Ada", "SPEAKER_01"]
    assert "[Ada] peak" in out.read_text()


def test_run_links_the_speakers_of_several_recordings(command, monkeypatch, tmp_path):
    monkeypatch.setattr(engine, "load", lambda *_: ByPitch())
    first = write_speech(tmp_path / "first.wav", ("ada", 3), ("bo", 2))
    second = write_speech(tmp_path / "second.wav", ("bo", 3), ("cy", 2))
    out = tmp_path / "out"
    ran = command("run", first, second, "--link", "--output-dir", out, "--formats", "srt", "--json")
    assert [each["speakers"] for each in ran.document["recordings"]] == [
        ["SPEAKER_00", "SPEAKER_01"],
        ["SPEAKER_01", "SPEAKER_02"],
    ]
    assert ["[SPEAKER_00] peak" in path.read_text() for path in sorted(out.iterdir())] == [True, False]
    assert "[SPEAKER_01] peak" in (out / "second.srt").read_text()
