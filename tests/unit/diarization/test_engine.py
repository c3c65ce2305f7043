"""A Diarizer with each engine: hints, speech detection, and reproducible output."""

import dataclasses
import sys

import numpy as np
import pytest
import torch
from support import pipelines
from support.pipelines import RATE

from diarize_runner.diarization import engine
from diarize_runner.diarization.audio import Recording
from diarize_runner.diarization.engine import Diarizer, apply_engine
from diarize_runner.diarization.turns import MAX_SPEAKERS, Diarization, SpeakerHints, SpeakerTurn
from diarize_runner.errors import DeviceUnavailable, PipelineError, UsageError
from diarize_runner.progress import NoProgress
from diarize_runner.transcript.formats import rttm

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:numpy.*", "ignore:std.*degrees of freedom:UserWarning")

TAKING_TURNS = {"ada": [(0.0, 1.0)], "bo": [(1.0, 2.1)], "cy": [(2.1, 3.0)]}
OVERLAPPING = {"ada": [(0.2, 1.2)], "bo": [(0.9, 1.4), (2.2, 2.8)]}


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with pipelines.one_thread():
        yield


@pytest.fixture(scope="module", params=["exact", "stock"])
def diarizer(request, tmp_path_factory, _one_thread):
    """A small pipeline on each engine."""
    return make_diarizer(request.param, tmp_path_factory.mktemp("plda"))


def make_diarizer(engine_name, folder):
    pipeline = pipelines.pipeline(folder, clustering="AgglomerativeClustering")
    return Diarizer(pipeline=pipeline, device="cpu", engine=apply_engine(pipeline, "cpu", engine_name))


def make_recording(script, seconds=3.0):
    return Recording(uri="talk", waveform=pipelines.recording(script, round(seconds * RATE)).numpy())


def diarize(diarizer, script, **hints):
    with pipelines.scripted(diarizer.pipeline, script):
        return diarizer.diarize(make_recording(script), SpeakerHints(**hints), NoProgress())


@pytest.mark.parametrize(
    ("hints", "speakers"),
    [
        ({}, 3),
        ({"exactly": 2}, 2),
        ({"exactly": 1}, 1),
        ({"at_most": 2}, 2),
        ({"at_least": 4}, 4),
        ({"at_least": 2, "at_most": 3}, 3),
        ({"at_most": 1000}, 3),  # pyannote compares it with a uint8
        ({"at_least": 2, "at_most": 10**20}, 3),
    ],
    ids=str,
)
def test_a_speaker_hint_is_met(diarizer, hints, speakers):
    found = diarize(diarizer, TAKING_TURNS, **hints)
    assert len(found.speakers) == speakers
    assert SpeakerHints(**hints).unmet_by(found) == ""


@pytest.mark.parametrize(
    ("hints", "speakers"), [({"exactly": 2}, 2), ({"exactly": 1}, 1), ({"at_most": 2}, 2)], ids=str
)
def test_the_fast_engine_meets_speaker_hints(tmp_path, hints, speakers):
    assert len(diarize(make_diarizer("fast", tmp_path), TAKING_TURNS, **hints).speakers) == speakers


def test_both_engines_give_the_same_turns_for_each_hint(tmp_path):
    exact, stock = make_diarizer("exact", tmp_path), make_diarizer("stock", tmp_path)
    for hints in ({"exactly": 2}, {"at_least": 4}, {"at_most": 1}):
        assert diarize(exact, TAKING_TURNS, **hints) == diarize(stock, TAKING_TURNS, **hints)


@pytest.mark.filterwarnings("ignore:.*The detected number of speakers:UserWarning")
def test_a_recording_too_short_for_so_many_speakers_is_reported(diarizer):
    hints = {"at_least": 30}
    found = diarize(diarizer, {"ada": [(0.0, 3.0)]}, **hints)
    assert SpeakerHints(**hints).unmet_by(found) == f"{len(found.speakers)} found, 30 or more requested"


def test_more_speakers_than_pyannote_can_number_are_refused():
    SpeakerHints(at_least=MAX_SPEAKERS, at_most=10**20).require_possible()
    for hints in (SpeakerHints(exactly=MAX_SPEAKERS + 1), SpeakerHints(at_least=MAX_SPEAKERS + 1)):
        with pytest.raises(UsageError, match=r"^128 speakers are too many$"):
            hints.require_possible()


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (OverflowError("Python integer 1000 out of bounds for uint8"), PipelineError),
        (MemoryError(), PipelineError),
        (IndexError("index 3 is out of bounds"), PipelineError),
        (torch.OutOfMemoryError("CUDA out of memory"), PipelineError),
        (torch.AcceleratorError("CUDA error: unspecified launch failure\nCompile with ..."), DeviceUnavailable),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_an_error_of_pyannote_or_torch_is_translated(reason, kind, diarizer, monkeypatch):
    def fail(*_, **__):
        raise reason

    monkeypatch.setattr(diarizer.pipeline, "get_embeddings", fail)
    with pytest.raises(PipelineError) as error:
        diarize(diarizer, TAKING_TURNS)
    assert type(error.value) is kind
    first = str(reason).partition("\n")[0] or type(reason).__name__
    assert error.value.message == f"talk: diarization failed: {first}"


@pytest.mark.filterwarnings("ignore:.*The detected number of speakers:UserWarning")
def test_output_of_pyannote_is_logged_and_not_printed(diarizer, monkeypatch, capsys, caplog):
    caplog.set_level("INFO")
    cluster = diarizer.pipeline.clustering.cluster

    def cluster_and_print(*arguments, **options):
        sys.stdout.write("few clusters\n")
        return cluster(*arguments, **options)

    monkeypatch.setattr(diarizer.pipeline.clustering, "cluster", cluster_and_print)
    diarize(diarizer, TAKING_TURNS)
    assert capsys.readouterr().out == ""
    assert "few clusters" in caplog.messages


@pytest.mark.parametrize(
    ("hints", "message"),
    [
        ({}, ""),
        ({"exactly": 2}, ""),
        ({"at_least": 2, "at_most": 2}, ""),
        ({"exactly": 3}, "2 found, 3 requested"),
        ({"at_least": 3, "at_most": 5}, "2 found, 3 or more requested"),
        ({"at_most": 1}, "2 found, 1 or fewer requested"),
    ],
)
def test_a_missed_hint_is_described(hints, message):
    turns = tuple(SpeakerTurn(start=n, end=n + 1, speaker=f"SPEAKER_0{n}") for n in range(2))
    assert SpeakerHints(**hints).unmet_by(Diarization(uri="talk", turns=turns, exclusive_turns=turns)) == message


@pytest.mark.parametrize("script", [TAKING_TURNS, OVERLAPPING, {}], ids=["turns", "overlap", "silence"])
def test_speech_is_the_union_of_the_turns(diarizer, script):
    with pipelines.scripted(diarizer.pipeline, script):
        found = diarizer.detect_speech(make_recording(script), NoProgress())

    assert merge(found.turns) == merge(diarize(diarizer, script).turns)
    assert found.exclusive_turns == found.turns
    assert set(found.speakers) <= {"SPEECH"}


def test_speech_detection_computes_no_embeddings(diarizer, monkeypatch):
    def fail(*_, **__):
        raise AssertionError

    monkeypatch.setattr(diarizer.pipeline, "get_embeddings", fail)
    with pipelines.scripted(diarizer.pipeline, OVERLAPPING):
        found = diarizer.detect_speech(make_recording(OVERLAPPING), NoProgress())
    assert [(round(turn.start, 1), round(turn.end, 1)) for turn in found.turns] == [(0.2, 1.4), (2.2, 2.8)]


def merge(turns):
    """Return the union of turns as [start, end] intervals."""
    intervals = []
    for turn in sorted(turns):
        if intervals and turn.start <= intervals[-1][1]:
            intervals[-1][1] = max(intervals[-1][1], turn.end)
        else:
            intervals.append([turn.start, turn.end])
    return intervals


def test_the_same_recording_gives_the_same_bytes(diarizer):
    recording = Recording(uri="talk", waveform=np.array(make_recording(OVERLAPPING, 5.0).waveform))
    first, second = (diarizer.diarize(recording, SpeakerHints(), NoProgress()) for _ in range(2))
    assert rttm.render(first) == rttm.render(second) != ""


@pytest.mark.parametrize("batch_size", [4, 32])
def test_the_batch_size_changes_no_turn(tmp_path, batch_size):
    """Embeddings differ only by rounding. The batch size of segmentation is fixed at 32, as in stock."""
    single, batched = make_diarizer("exact", tmp_path), make_diarizer("exact", tmp_path)
    get_embeddings = dataclasses.replace(batched.pipeline.get_embeddings, batch_size=batch_size)
    batched.pipeline.get_embeddings = get_embeddings
    assert diarize(batched, OVERLAPPING) == diarize(single, OVERLAPPING)


def test_without_a_gpu_cuda_is_refused_and_auto_selects_cpu():
    with pytest.raises(DeviceUnavailable, match="torch finds no CUDA device") as caught:
        engine._choose("cuda", cuda=False)
    assert "--device cpu" in caught.value.hint
    assert engine._choose("auto", cuda=False) == "cpu"
    assert (engine._choose("auto", cuda=True), engine._choose("cpu", cuda=True)) == ("cuda", "cpu")


def test_the_voices_of_speakers_are_embedded_by_the_pipelines_own_model(diarizer):
    recording = make_recording({"ada": [(0.0, 2.0)], "bo": [(2.0, 4.0)]}, 4.0)
    turns = tuple(SpeakerTurn(start=start, end=start + 2.0, speaker=name) for start, name in ((0.0, "a"), (2.0, "b")))

    found = diarizer.embed_speakers(
        recording, Diarization(uri="talk", turns=turns, exclusive_turns=turns), NoProgress()
    )

    samples = torch.from_numpy(recording.waveform).reshape(2, 1, -1)
    expected = diarizer.pipeline._embedding(samples)
    for speaker, embedding in zip(("a", "b"), expected, strict=True):
        assert found[speaker].embedding == pytest.approx(embedding / np.linalg.norm(embedding), abs=1e-5)


def test_a_pipeline_without_an_embedding_model_fails_with_a_hint(diarizer):
    turns = (SpeakerTurn(start=0.0, end=3.0, speaker="SPEAKER_00"),)
    without = dataclasses.replace(diarizer, pipeline=object())
    with pytest.raises(PipelineError, match="talk: the voices cannot be embedded") as failed:
        without.embed_speakers(
            make_recording(TAKING_TURNS), Diarization(uri="talk", turns=turns, exclusive_turns=turns), NoProgress()
        )
    assert failed.value.hint
