"""The options for subtitles, of the commands that write them."""

import json

import pytest
from support.diarizers import OneSpeaker
from support.transcription import FAKE, MODELS, restored

from diarize_runner.diarization import engine
from diarize_runner.jobs import transcribing
from diarize_runner.transcription.transcriber import Transcriber

RTTM = "SPEAKER call 1 0.000 4.000 <NA> <NA> SPEAKER_00 <NA> <NA>\n"
SAID = {"segments": [{"start": 0, "end": 4, "text": "I came home late. Nobody was there to open the door."}]}
AS_IT_IS = "1\n00:00:00,000 --> 00:00:04,000\n[Ada] I came home late. Nobody was there to open the door.\n"
LAID_OUT = """1
00:00:00,000 --> 00:00:01,333
[Ada] I came home late.

2
00:00:01,333 --> 00:00:04,000
[Ada] Nobody was there to open the door.
"""
IN_SHORT_LINES = "[Ada] I came\nhome late.\n"


@pytest.fixture
def label(run, tmp_path):
    """Run `label` on a segment of two sentences; return what ran, and the subtitles."""
    rttm, said, out = (tmp_path / name for name in ("call.rttm", "call.json", "out.srt"))
    rttm.write_text(RTTM)
    said.write_text(json.dumps(SAID))

    def label(*options):
        ran = run("label", rttm, said, "-o", out, "--name", "SPEAKER_00=Ada", *options)
        return ran, out.read_text() if out.exists() else ""

    return label


def test_a_transcript_that_is_given_keeps_its_segments(label):
    assert label()[1] == AS_IT_IS


@pytest.mark.parametrize("options", [["--subtitles", "sentences"], ["--subtitle-reading-speed", "20"]])
def test_sentences_are_requested_by_name_or_with_a_limit(label, options):
    assert label(*options)[1] == LAID_OUT


def test_each_limit_has_its_effect(label):
    assert IN_SHORT_LINES in label("--subtitle-line-length", "18")[1]
    assert label("--subtitle-lines", "1", "--subtitle-line-length", "30")[1].count("-->") == 3
    assert label("--subtitle-max-seconds", "2")[1].count("-->") > 2
    _, slow = label("--subtitle-min-seconds", "3", "--subtitle-max-seconds", "6")
    assert "00:00:00,000 --> 00:00:04,000\n" in slow


REFUSED = {
    "a limit on segments": (
        ["--subtitles", "segments", "--subtitle-lines", "1"],
        "--subtitle-lines has no effect on segments",
    ),
    "more than the maximum": (["--subtitle-min-seconds", "8"], "no subtitle lasts 8 s at least and 7 s at most"),
    "no line": (["--subtitle-lines", "0"], "'0' is not a positive integer"),
    "another kind": (["--subtitles", "words"], "'words'"),
}


@pytest.mark.parametrize(("options", "message"), REFUSED.values(), ids=REFUSED)
def test_limits_that_contradict_each_other_are_bad_usage(label, options, message):
    ran, written = label(*options)
    assert (ran.exit_code, written) == (2, "")
    assert message in ran.stderr
    assert "\nhint: " in ran.stderr


@pytest.fixture
def command(run, tmp_path_factory, speech, monkeypatch):
    """Run a command that transcribes `speech`: two words of 0.7 s together."""
    models = restored(tmp_path_factory.mktemp("models"), MODELS)
    monkeypatch.setattr(
        transcribing, "open_transcriber", lambda cache, options: Transcriber(cache, options, child=FAKE)
    )
    monkeypatch.setattr(engine, "load", lambda *_: OneSpeaker())
    return lambda verb, *arguments: run(verb, "--cache", models, speech, *arguments)


@pytest.mark.parametrize("verb", ["transcribe", "run"])
def test_a_transcription_is_laid_out_unless_segments_are_requested(command, tmp_path, verb):
    for options, end in (([], "00:00:00.933"), (["--subtitles", "segments"], "00:00:00.800")):
        assert command(verb, "-o", tmp_path / "speech.vtt", *options).exit_code == 0
        assert f"00:00:00.100 --> {end}\n" in (tmp_path / "speech.vtt").read_text()


@pytest.mark.parametrize("style", ["openai-verbose", "openai-diarized", "whisperlive-rest", "whisperlive-socket"])
def test_a_json_style_has_the_names_of_speakers(command, tmp_path, style):
    out = tmp_path / "speech.json"
    assert command("run", "-o", out, "--json-style", style, "--name", "SPEAKER_00=Ada").exit_code == 0
    assert [segment["speaker"] for segment in json.loads(out.read_text())["segments"]] == ["Ada"]
