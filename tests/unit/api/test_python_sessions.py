"""The public Python API, on a small pipeline that is really loaded."""

import json
import subprocess
import sys
import weakref

import numpy as np
import pytest
from pyannote.core import Annotation
from pyannote.database.util import load_rttm

import diarize_runner
from diarize_runner.diarization.turns import Diarization
from diarize_runner.errors import EmptyAudio, TranscriptError, UnreadableAudio, UsageError
from diarize_runner.transcript.model import LabelledTranscript

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:numpy.*", "ignore:std.*degrees of freedom:UserWarning")


def test_a_diarization_is_made_of_plain_numbers(session, call):
    found = session.diarize(call)
    assert isinstance(found, Diarization)
    assert found.uri == "call"
    assert found.turns
    for turn in (*found.turns, *found.exclusive_turns):
        assert (type(turn.start), type(turn.end), type(turn.speaker)) == (float, float, str)


def test_hints_are_kept_to(session, call):
    assert len(session.diarize(str(call), num_speakers=1).speakers) == 1


def test_samples_are_heard_as_the_file_of_them_is(session, call, samples):
    of_file, of_samples = session.diarize(call), session.diarize(samples, sample_rate=16_000)
    assert of_samples.turns == of_file.turns
    assert of_samples.uri == "samples"
    assert of_samples.origin.recording is None


def test_samples_of_another_rate_are_resampled_as_a_file_is(session, samples):
    slower = np.repeat(samples, 3)
    found = session.diarize(slower, sample_rate=48_000)
    assert found.origin.provenance.audio_seconds == pytest.approx(5.0, abs=0.01)


def test_a_transcript_is_labelled(session, call, said):
    labelled = session.label(call, said)
    assert isinstance(labelled, LabelledTranscript)
    assert "".join(segment.text for segment in labelled.segments) == "Hello.Who is it?"
    assert {segment.speaker for segment in labelled.segments} <= {*labelled.diarization.speakers, None}


def test_a_result_is_written_in_the_format_of_the_name(session, call, said, tmp_path):
    labelled = session.label(call, said)
    assert labelled.write(tmp_path / "out/labelled.srt") == tmp_path / "out/labelled.srt"
    document = json.loads(labelled.write(str(tmp_path / "labelled.json")).read_text(encoding="utf-8"))

    assert "Who is it?" in (tmp_path / "out/labelled.srt").read_text(encoding="utf-8")
    assert document["provenance"] == labelled.origin.provenance.to_dict()


def test_a_result_is_the_same_file_that_the_command_writes(session, cache, call, said, tmp_path):
    command = [sys.executable, "-m", "diarize_runner", "diarize", call, "-t", said, "--cache", cache, "--device", "cpu"]
    subprocess.run([*command, "-o", tmp_path / "by-command.json"], check=True, capture_output=True)
    session.label(call, said).write(tmp_path / "by-python.json")
    assert (tmp_path / "by-python.json").read_bytes() == (tmp_path / "by-command.json").read_bytes()


def test_a_diarization_without_a_transcript_is_not_written_as_subtitles(session, call, tmp_path):
    with pytest.raises(UsageError, match=r"out\.srt needs a transcript"):
        session.diarize(call).write(tmp_path / "out.srt")
    assert not (tmp_path / "out.srt").exists()


def test_a_result_is_not_written_over_what_it_was_made_from(session, call, said, monkeypatch):
    monkeypatch.chdir(call.parent)
    labelled = session.label("call.wav", "call.srt")
    before = said.read_bytes()
    with pytest.raises(UsageError, match=r"call\.srt would be overwritten"):
        labelled.write("call.srt")
    assert said.read_bytes() == before


def test_an_empty_transcript_is_written_empty(session, call, tmp_path):
    (tmp_path / "nothing.json").write_text('{"segments": []}')
    assert session.label(call, tmp_path / "nothing.json").write(tmp_path / "nothing.srt").read_bytes() == b""


def test_pyannote_gets_the_turns_that_rttm_has(session, call, tmp_path):
    found = session.diarize(call)
    annotation = found.to_pyannote()
    assert isinstance(annotation, Annotation)
    assert [(segment.start, segment.end, label) for segment, _, label in annotation.itertracks(yield_label=True)] == [
        (turn.start, turn.end, turn.speaker) for turn in found.turns
    ]
    written = load_rttm(str(found.write(tmp_path / "call.rttm")))["call"]
    assert written.labels() == annotation.labels()


def test_a_notebook_draws_the_timeline_in_a_frame_in_which_nothing_runs(session, call, said):
    for result in (session.diarize(call), session.label(call, said)):
        drawn = result._repr_html_()
        assert drawn.startswith('<iframe sandbox="" srcdoc="')
        assert "<script" not in drawn
        assert drawn.count("&lt;rect class=&quot;turn") == len(result.labelled.diarization.turns)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"num_speakers": 2, "max_speakers": 3}, "num_speakers leaves no room"),
        ({"min_speakers": 3, "max_speakers": 2}, "min_speakers=3 is more than max_speakers=2"),
        ({"num_speakers": 0}, "a number of speakers begins at 1"),
        ({"sample_rate": 8000}, "a file says its sample rate itself"),
        ({"channel": 0}, "there is no channel 0"),
        ({"channel": -1}, "there is no channel -1"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(session, call, arguments, said):
    with pytest.raises(UsageError, match=said):
        session.diarize(call, **arguments)


def test_samples_that_make_no_sense_are_refused(session, samples):
    with pytest.raises(UsageError, match="samples need a sample_rate"):
        session.diarize(samples)
    for rate in (16_000.0, 0, 2**32):
        with pytest.raises(UsageError, match="is not a whole number of Hz"):
            session.diarize(samples, sample_rate=rate)
    with pytest.raises(UsageError, match="samples of int16"):
        session.diarize((samples * 32768).astype(np.int16), sample_rate=16_000)
    with pytest.raises(UnreadableAudio, match=r"a waveform of shape \(2, 80000\)"):
        session.diarize(np.stack([samples, samples]), sample_rate=16_000)
    with pytest.raises(EmptyAudio):
        session.diarize(samples[:0], sample_rate=16_000)
    with pytest.raises(UnreadableAudio, match="holds a sample that is no number"):
        session.diarize(np.full(16_000, np.nan, dtype=np.float32), sample_rate=16_000)


def test_what_is_wrong_with_a_recording_leaves_the_session_as_it_was(session, call, tmp_path):
    (tmp_path / "bad.srt").write_text("no times")
    before = session.diarize(call)
    with pytest.raises(UnreadableAudio):
        session.diarize(tmp_path / "nowhere.wav")
    with pytest.raises(TranscriptError):
        session.label(call, tmp_path / "bad.srt")
    assert session.diarize(call) == before


@pytest.mark.parametrize("wrong", [{"device": "gpu"}, {"engine": "fast"}])
def test_a_device_or_an_engine_that_nobody_knows_is_refused(cache, wrong):
    with pytest.raises(UsageError, match="is not one of"):
        diarize_runner.open_session(cache, **wrong)


def test_a_session_that_is_closed_has_given_its_models_back(cache, call):
    with diarize_runner.open_session(cache, device="cpu") as session:
        model = weakref.ref(session._session.diarizer.pipeline._segmentation.model)
        assert model() is not None
    assert model() is None
    with pytest.raises(UsageError, match="this session is closed"):
        session.diarize(call)


def test_progress_is_told_how_far_the_work_is(cache, call):
    told = []

    class Listener:
        def advance(self, stage, *, completed, total):
            told.append((stage, completed <= total))

    with diarize_runner.open_session(cache, device="cpu", progress=Listener()) as session:
        session.diarize(call)
    assert {stage for stage, _ in told} >= {"verify", "segmentation", "embeddings"}
    assert all(fits for _, fits in told)


def test_importing_the_package_imports_neither_torch_nor_pyannote():
    script = """
import sys, diarize_runner
assert "open_session" in dir(diarize_runner) and diarize_runner.__version__
print(sorted({"torch", "pyannote", "numpy", "boto3", "huggingface_hub"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = diarize_runner.nothing
