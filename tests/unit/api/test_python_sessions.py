"""The public Python API, with a small pipeline that is loaded for real."""

import json
import os
import subprocess
import sys
import weakref
from unittest import mock

import numpy as np
import pytest
from pyannote.core import Annotation
from pyannote.database.util import load_rttm
from support.run_main import run_main
from support.sounds import write_wav

import diarize_runner
from diarize_runner.cli import main
from diarize_runner.diarization.turns import Diarization
from diarize_runner.errors import EmptyAudio, TranscriptError, UnreadableAudio, UsageError
from diarize_runner.transcript.model import LabelledTranscript

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:numpy.*", "ignore:std.*degrees of freedom:UserWarning")


def test_turns_hold_plain_python_types(session, call):
    found = session.diarize(call)
    assert isinstance(found, Diarization)
    assert found.uri == "call"
    assert found.turns
    for turn in (*found.turns, *found.exclusive_turns):
        assert (type(turn.start), type(turn.end), type(turn.speaker)) == (float, float, str)


def test_a_speaker_hint_is_met(session, call):
    assert len(session.diarize(str(call), num_speakers=1).speakers) == 1


def test_each_side_of_a_stereo_call_is_a_speaker(session, samples, tmp_path):
    silence, half = np.zeros_like(samples), len(samples) // 2
    left, right = np.concatenate([samples[:half], silence[half:]]), np.concatenate([silence[:half], samples[half:]])
    write_wav(tmp_path / "stereo.wav", [left, right], 16_000)
    sides = session.diarize(tmp_path / "stereo.wav", speakers_per_channel=1)
    assert sides.speakers == ("CHANNEL_1", "CHANNEL_2")
    write_wav(tmp_path / "left.wav", [left], 16_000)
    alone = session.diarize(tmp_path / "left.wav", speakers_per_channel=1)
    assert [turn for turn in sides.turns if turn.speaker == "CHANNEL_1"] == list(alone.turns)
    within = session.diarize(tmp_path / "stereo.wav", speakers_per_channel="auto")
    assert {label.rpartition("_SPEAKER_")[0] for label in within.speakers} == {"CHANNEL_1", "CHANNEL_2"}
    assert within.origin.provenance.to_dict()["speakers_per_channel"] == "auto"


def test_samples_give_the_same_turns_as_a_file_of_them(session, call, samples):
    of_file, of_samples = session.diarize(call), session.diarize(samples, sample_rate=16_000)
    assert of_samples.turns == of_file.turns
    assert of_samples.uri == "samples"
    assert of_samples.origin.recording is None


def test_samples_at_another_rate_are_resampled(session, samples):
    repeated = np.repeat(samples, 3)
    found = session.diarize(repeated, sample_rate=48_000)
    assert found.origin.provenance.audio_seconds == pytest.approx(5.0, abs=0.01)


def test_a_transcript_is_labelled(session, call, transcript):
    labelled = session.label(call, transcript)
    assert isinstance(labelled, LabelledTranscript)
    assert "".join(segment.text for segment in labelled.segments) == "Hello.Who is it?"
    assert {segment.speaker for segment in labelled.segments} <= {*labelled.diarization.speakers, None}


def test_a_result_has_the_warnings_of_its_transcript(session, call, tmp_path):
    (tmp_path / "long.json").write_text('[{"start": 0, "end": 600, "text": "Hello."}]')
    short, warning = session.label(call, tmp_path / "long.json").warnings
    assert short.startswith("the recording lasts ")
    assert warning.startswith("the transcript ends at 10:00, the recording at 0:0")


def test_the_file_extension_selects_the_format(session, call, transcript, tmp_path):
    labelled = session.label(call, transcript)
    assert labelled.write(tmp_path / "out/labelled.srt") == tmp_path / "out/labelled.srt"
    document = json.loads(labelled.write(str(tmp_path / "labelled.json")).read_text(encoding="utf-8"))

    assert "Who is it?" in (tmp_path / "out/labelled.srt").read_text(encoding="utf-8")
    assert document["provenance"] == labelled.origin.provenance.to_dict()


def test_a_result_is_byte_identical_to_that_of_the_command_line(session, cache, call, transcript, tmp_path, capsys):
    options = ["--cache", cache, "--device", "cpu", "-o", tmp_path / "by-command.json"]
    with mock.patch.dict(os.environ):  # the command changes it for good, as it has a process of its own elsewhere
        assert run_main(capsys, main, "diarize", call, "-t", transcript, *options).exit_code == 0
    session.label(call, transcript).write(tmp_path / "by-python.json")
    assert (tmp_path / "by-python.json").read_bytes() == (tmp_path / "by-command.json").read_bytes()


def test_a_diarization_without_a_transcript_cannot_be_written_as_subtitles(session, call, tmp_path):
    with pytest.raises(UsageError, match=r"out\.srt needs a transcript"):
        session.diarize(call).write(tmp_path / "out.srt")
    assert not (tmp_path / "out.srt").exists()


def test_a_result_does_not_overwrite_its_inputs(session, call, transcript, monkeypatch):
    monkeypatch.chdir(call.parent)
    labelled = session.label("call.wav", "call.srt")
    before = transcript.read_bytes()
    with pytest.raises(UsageError, match=r"call\.srt would be overwritten: this result was made from it"):
        labelled.write("call.srt")
    assert transcript.read_bytes() == before


def test_an_empty_transcript_gives_an_empty_file(session, call, tmp_path):
    (tmp_path / "empty.json").write_text('{"segments": []}')
    assert session.label(call, tmp_path / "empty.json").write(tmp_path / "empty.srt").read_bytes() == b""


def test_to_pyannote_returns_the_turns_of_the_rttm(session, call, tmp_path):
    found = session.diarize(call)
    annotation = found.to_pyannote()
    assert isinstance(annotation, Annotation)
    assert [(segment.start, segment.end, label) for segment, _, label in annotation.itertracks(yield_label=True)] == [
        (turn.start, turn.end, turn.speaker) for turn in found.turns
    ]
    written = load_rttm(str(found.write(tmp_path / "call.rttm")))["call"]
    assert written.labels() == annotation.labels()


def test_a_notebook_shows_the_timeline_in_a_frame_without_scripts(session, call, transcript):
    for result in (session.diarize(call), session.label(call, transcript)):
        html = result._repr_html_()
        assert html.startswith('<iframe sandbox="" srcdoc="')
        assert "<script" not in html
        assert html.count("&lt;rect class=&quot;turn") == len(result.labelled.diarization.turns)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_speakers": 2, "max_speakers": 3}, "num_speakers cannot be combined with min_speakers or max_speakers"),
        ({"min_speakers": 3, "max_speakers": 2}, "min_speakers=3 is more than max_speakers=2"),
        ({"num_speakers": 0}, "the number of speakers must be 1 or more"),
        ({"sample_rate": 8000}, "sample_rate is for samples: a file states its own"),
        ({"channel": 0}, "there is no channel 0"),
        ({"channel": -1}, "there is no channel -1"),
        ({"stream": 0}, "there is no stream 0"),
        ({"channel": 1, "speakers_per_channel": 1}, "speakers_per_channel cannot be combined with channel"),
        ({"num_speakers": 2, "speakers_per_channel": 1}, "speakers_per_channel cannot be combined with num_speakers"),
        ({"speakers_per_channel": 0}, "the number of speakers must be 1 or more"),
    ],
)
def test_invalid_arguments_are_refused(session, call, arguments, message):
    with pytest.raises(UsageError, match=message):
        session.diarize(call, **arguments)


def test_invalid_samples_are_refused(session, samples):
    with pytest.raises(UsageError, match="samples need sample_rate"):
        session.diarize(samples)
    for channels in ({"channel": 1}, {"stream": 1}, {"speakers_per_channel": 1}):
        with pytest.raises(UsageError, match="samples have one channel"):
            session.diarize(samples, sample_rate=16_000, **channels)
    for rate in (16_000.0, 0, 2**32):
        with pytest.raises(UsageError, match="is not a whole number of Hz"):
            session.diarize(samples, sample_rate=rate)
    with pytest.raises(UsageError, match="samples have dtype int16, expected float32"):
        session.diarize((samples * 32768).astype(np.int16), sample_rate=16_000)
    with pytest.raises(UnreadableAudio, match=r"the waveform has shape \(2, 80000\)"):
        session.diarize(np.stack([samples, samples]), sample_rate=16_000)
    with pytest.raises(EmptyAudio):
        session.diarize(samples[:0], sample_rate=16_000)
    with pytest.raises(UnreadableAudio, match="contains NaN or infinity"):
        session.diarize(np.full(16_000, np.nan, dtype=np.float32), sample_rate=16_000)


def test_a_session_still_works_after_a_bad_recording(session, call, tmp_path):
    (tmp_path / "bad.srt").write_text("no times")
    before = session.diarize(call)
    with pytest.raises(UnreadableAudio):
        session.diarize(tmp_path / "missing.wav")
    with pytest.raises(TranscriptError):
        session.label(call, tmp_path / "bad.srt")
    assert session.diarize(call) == before


@pytest.mark.parametrize("options", [{"device": "gpu"}, {"engine": "quick"}])
def test_an_unknown_device_or_engine_is_refused(cache, options):
    with pytest.raises(UsageError, match="is not one of"):
        diarize_runner.open_session(cache, **options)


def test_a_closed_session_frees_its_models(cache, call):
    with diarize_runner.open_session(cache, device="cpu") as session:
        model = weakref.ref(session._session.diarizer.pipeline._segmentation.model)
        assert model() is not None
    assert model() is None
    with pytest.raises(UsageError, match="this session is closed"):
        session.diarize(call)


def test_progress_reports_each_stage(cache, call):
    reports = []

    class Recorder:
        def advance(self, stage, *, completed, total):
            reports.append((stage, completed <= total))

    with diarize_runner.open_session(cache, device="cpu", progress=Recorder()) as session:
        session.diarize(call)
    assert {stage for stage, _ in reports} >= {"verify", "segmentation", "embeddings"}
    assert all(is_valid for _, is_valid in reports)


def test_importing_the_package_imports_neither_torch_nor_pyannote():
    script = """
import sys, diarize_runner
assert "open_session" in dir(diarize_runner) and diarize_runner.__version__
print(sorted({"torch", "pyannote", "numpy", "boto3", "huggingface_hub"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    with pytest.raises(AttributeError, match="no attribute 'missing'"):
        _ = diarize_runner.missing
