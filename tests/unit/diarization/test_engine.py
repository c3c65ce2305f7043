"""What a Diarizer says, whichever engine runs: hints, speech, and the same bytes for the same recording."""

import dataclasses
import sys

import numpy as np
import pytest
from support import pipelines
from support.pipelines import RATE

from diarize_runner.diarization import engine
from diarize_runner.diarization.audio import Recording
from diarize_runner.diarization.engine import Diarizer, set_going
from diarize_runner.diarization.turns import Diarization, SpeakerHints, SpeakerTurn
from diarize_runner.errors import DeviceUnavailable
from diarize_runner.progress import Silent
from diarize_runner.transcript.formats import rttm

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:numpy.*", "ignore:std.*degrees of freedom:UserWarning")

TAKING_TURNS = {"ada": [(0.0, 1.0)], "bo": [(1.0, 2.1)], "cy": [(2.1, 3.0)]}
TALKING_OVER = {"ada": [(0.2, 1.2)], "bo": [(0.9, 1.4), (2.2, 2.8)]}


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with pipelines.one_thread():
        yield


@pytest.fixture(scope="module", params=["exact", "stock"])
def diarizer(request, tmp_path_factory, _one_thread):
    """A small pipeline on each of the engines."""
    return made(request.param, tmp_path_factory.mktemp("plda"))


def made(wanted, folder):
    pipeline = pipelines.pipeline(folder, clustering="AgglomerativeClustering")
    return Diarizer(pipeline=pipeline, device="cpu", engine=set_going(pipeline, "cpu", wanted))


def heard(script, seconds=3.0):
    return Recording(uri="talk", waveform=pipelines.recording(script, round(seconds * RATE)).numpy())


def diarized(diarizer, script, **hints):
    with pipelines.scripted(diarizer.pipeline, script):
        return diarizer.diarize(heard(script), SpeakerHints(**hints), Silent())


@pytest.mark.parametrize(
    ("hints", "speakers"),
    [
        ({}, 3),
        ({"exactly": 2}, 2),
        ({"exactly": 1}, 1),
        ({"at_most": 2}, 2),
        ({"at_least": 4}, 4),
        ({"at_least": 2, "at_most": 3}, 3),
    ],
    ids=str,
)
def test_a_hint_is_honoured(diarizer, hints, speakers):
    found = diarized(diarizer, TAKING_TURNS, **hints)
    assert len(found.speakers) == speakers
    assert SpeakerHints(**hints).unmet_by(found) == ""


def test_both_engines_honour_hints_alike(tmp_path):
    exact, stock = made("exact", tmp_path), made("stock", tmp_path)
    for hints in ({"exactly": 2}, {"at_least": 4}, {"at_most": 1}):
        assert diarized(exact, TAKING_TURNS, **hints) == diarized(stock, TAKING_TURNS, **hints)


@pytest.mark.filterwarnings("ignore:.*The detected number of speakers:UserWarning")
def test_a_recording_too_short_for_so_many_speakers_is_reported(diarizer):
    hints = {"at_least": 30}
    found = diarized(diarizer, {"ada": [(0.0, 3.0)]}, **hints)
    assert SpeakerHints(**hints).unmet_by(found) == f"{len(found.speakers)} found, though 30 or more were asked for"


@pytest.mark.filterwarnings("ignore:.*The detected number of speakers:UserWarning")
def test_what_pyannote_prints_stays_out_of_results(diarizer, monkeypatch, capsys, caplog):
    caplog.set_level("INFO")
    cluster = diarizer.pipeline.clustering.cluster

    def talkative(*told, **how):
        sys.stdout.write("few clusters\n")
        return cluster(*told, **how)

    monkeypatch.setattr(diarizer.pipeline.clustering, "cluster", talkative)
    diarized(diarizer, TAKING_TURNS)
    assert capsys.readouterr().out == ""
    assert "few clusters" in caplog.messages


@pytest.mark.parametrize(
    ("hints", "said"),
    [
        ({}, ""),
        ({"exactly": 2}, ""),
        ({"at_least": 2, "at_most": 2}, ""),
        ({"exactly": 3}, "2 found, though 3 were asked for"),
        ({"at_least": 3, "at_most": 5}, "2 found, though 3 or more were asked for"),
        ({"at_most": 1}, "2 found, though 1 or fewer were asked for"),
    ],
)
def test_what_was_not_kept_to_is_said_in_words(hints, said):
    turns = tuple(SpeakerTurn(start=n, end=n + 1, speaker=f"SPEAKER_0{n}") for n in range(2))
    assert SpeakerHints(**hints).unmet_by(Diarization(uri="talk", turns=turns, exclusive_turns=turns)) == said


@pytest.mark.parametrize("script", [TAKING_TURNS, TALKING_OVER, {}], ids=["turns", "overlap", "silence"])
def test_speech_is_what_the_turns_cover_together(diarizer, script):
    with pipelines.scripted(diarizer.pipeline, script):
        found = diarizer.speech(heard(script), Silent())

    assert merged(found.turns) == merged(diarized(diarizer, script).turns)
    assert found.exclusive_turns == found.turns
    assert set(found.speakers) <= {"SPEECH"}


def test_speech_is_found_without_asking_who_speaks(diarizer, monkeypatch):
    def ask(*_, **__):
        raise AssertionError

    monkeypatch.setattr(diarizer.pipeline, "get_embeddings", ask)
    with pipelines.scripted(diarizer.pipeline, TALKING_OVER):
        found = diarizer.speech(heard(TALKING_OVER), Silent())
    assert [(round(turn.start, 1), round(turn.end, 1)) for turn in found.turns] == [(0.2, 1.4), (2.2, 2.8)]


def merged(turns):
    """Return the stretches that turns cover together."""
    stretches = []
    for turn in sorted(turns):
        if stretches and turn.start <= stretches[-1][1]:
            stretches[-1][1] = max(stretches[-1][1], turn.end)
        else:
            stretches.append([turn.start, turn.end])
    return stretches


def test_the_same_recording_gives_the_same_bytes(diarizer):
    recording = Recording(uri="talk", waveform=np.array(heard(TALKING_OVER, 5.0).waveform))
    once, again = (diarizer.diarize(recording, SpeakerHints(), Silent()) for _ in range(2))
    assert rttm.render(once) == rttm.render(again) != ""


@pytest.mark.parametrize("chunks_at_once", [4, 32])
def test_how_many_chunks_are_heard_at_once_changes_no_turn(tmp_path, chunks_at_once):
    """Embeddings differ by rounding alone. There is no choice in segmentation: it hears 32 at once, as stock does."""
    one_by_one, by_many = made("exact", tmp_path), made("exact", tmp_path)
    many = dataclasses.replace(by_many.pipeline.get_embeddings, batch_size=chunks_at_once)
    by_many.pipeline.get_embeddings = many
    assert diarized(by_many, TALKING_OVER) == diarized(one_by_one, TALKING_OVER)


def test_a_box_without_a_gpu_refuses_cuda_and_takes_auto_for_cpu():
    with pytest.raises(DeviceUnavailable, match="torch finds no CUDA device") as caught:
        engine._choose("cuda", cuda=False)
    assert "--device cpu" in caught.value.hint
    assert engine._choose("auto", cuda=False) == "cpu"
    assert (engine._choose("auto", cuda=True), engine._choose("cpu", cuda=True)) == ("cuda", "cpu")
