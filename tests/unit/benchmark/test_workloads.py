"""Workload files, and compositions: reproducible, with an exact reference."""

import numpy as np
import pytest

from diarize_runner.benchmark.compose.scene import Scene, compose
from diarize_runner.benchmark.item import WorkItem
from diarize_runner.benchmark.score import score
from diarize_runner.benchmark.workload import Workload, read_workload, shipped_workloads
from diarize_runner.diarization.audio import decode
from diarize_runner.diarization.turns import Diarization, SpeakerHints
from diarize_runner.errors import ManifestError, UsageError

WORKLOAD = """\
format: diarize-runner/workload/1
name: two-calls
engines: [stock, exact]
devices: [cpu]
warmups: 0
repeats: 5
starts: 2
batches: [1, 16]
recordings:
  - sample
  - path: calls/monday.m4a
    reference: calls/monday.rttm
    uem: calls/monday.uem
    transcript: calls/monday.json
    hints: {at_least: 2, at_most: 4}
  - scene: {name: hour, seconds: 3600, speakers: 4, pause: 1.5, music: [60, 90]}
"""


def read(tmp_path, text):
    path = tmp_path / "workload.yaml"
    path.write_text(text)
    return read_workload(str(path))


def test_a_workload_file_is_read(tmp_path):
    workload = read(tmp_path, WORKLOAD)
    sample, monday, hour = workload.recordings
    assert (workload.name, workload.engines, workload.devices) == ("two-calls", ("stock", "exact"), ("cpu",))
    assert (workload.warmups, workload.repeats, workload.starts, workload.batches) == (0, 5, 2, (1, 16))
    assert sample.audio.is_file()
    assert sample.reference.is_file()
    assert monday == WorkItem(
        audio=tmp_path / "calls/monday.m4a",
        reference=tmp_path / "calls/monday.rttm",
        uem=tmp_path / "calls/monday.uem",
        transcript=tmp_path / "calls/monday.json",
        hints=SpeakerHints(at_least=2, at_most=4),
    )
    assert hour == Scene(name="hour", seconds=3600, speakers=4, pause=1.5, music=(60, 90))


@pytest.mark.parametrize(
    ("new", "old", "problem"),
    [
        (
            "engines: [stock, exotic]",
            "engines: [stock, exact]",
            r"not one of exact, stock in 'engines\[1\]'",
        ),
        ("repeats: many", "repeats: 5", "expected a whole number, not str in 'repeats'"),
        ("repeat: 5", "repeats: 5", "unknown key 'repeat'"),
        ("speakers: 7", "speakers: 4", r"a scene has at most 6 speakers, not 7 in 'recordings\[2\].scene.speakers'"),
        ("seconds: 28801", "seconds: 3600", "a scene lasts at most 28800 s, not 28801 s"),
        ("music: [90, 60]", "music: [60, 90]", r"expected \[start, end\]"),
        ("- pathe: calls", "- path: calls", "missing key 'path'"),
        ("workload/2", "workload/1", "format 'diarize-runner/workload/2' is not"),
        ("format: [", "format: diarize-runner/workload/1", "the workload cannot be read"),
    ],
)
def test_an_invalid_workload_is_refused_with_the_path(tmp_path, new, old, problem):
    assert old in WORKLOAD
    text = WORKLOAD.replace(old, new)
    with pytest.raises(ManifestError, match=problem):
        read(tmp_path, text)


def test_the_hint_for_an_unknown_workload_lists_the_shipped_ones():
    with pytest.raises(ManifestError) as refused:
        read_workload("nothing-of-the-kind")
    assert refused.value.hint == "name a file, or one of: default, guide, scale"


@pytest.mark.parametrize("name", shipped_workloads())
def test_a_shipped_workload_needs_no_download(name):
    workload = read_workload(name)
    assert workload.name == name
    assert all(isinstance(each, Scene) or each.audio.is_file() for each in workload.recordings)


def test_the_default_workload_is_short_enough_for_a_cpu():
    workload = read_workload("default")
    scenes = [each for each in workload.recordings if isinstance(each, Scene)]
    assert 30 + sum(scene.seconds for scene in scenes) <= 180


def test_the_voices_of_the_default_workload_are_different_people():
    scenes = [each for each in read_workload("default").recordings if isinstance(each, Scene)]
    assert max(scene.speakers for scene in scenes) == 2, "the third voice is the first one, slower"


def test_two_recordings_with_the_same_name_are_refused(tmp_path):
    scene = Scene(name="same", seconds=1, speakers=1)
    with pytest.raises(UsageError, match="two recordings are named same"):
        Workload(name="w", recordings=(scene, WorkItem(audio=tmp_path / "same.wav", reference=None)))


class TestCompositions:
    SCENE = Scene(name="short-talk", seconds=12.0, speakers=3, overlap=1.0)

    def test_round_trip_through_a_wav_file(self, tmp_path):
        composition = compose(self.SCENE)
        decoded = decode(composition.write(tmp_path).audio)
        assert decoded.duration == 12.0
        assert np.allclose(decoded.waveform, composition.recording.waveform, atol=1e-4)

    def test_depend_only_on_the_scene_and_its_name(self):
        one, two = compose(self.SCENE), compose(self.SCENE)
        other = compose(Scene(name="another-talk", seconds=12.0, speakers=3, overlap=1.0))
        assert np.array_equal(one.samples, two.samples)
        assert not np.array_equal(one.samples, other.samples)

    def test_have_a_reference_that_matches_the_speech(self, tmp_path):
        composition = compose(self.SCENE)
        item = composition.write(tmp_path)
        diarization = Diarization(uri=composition.name, turns=composition.turns, exclusive_turns=())
        assert score(diarization, item.reference, 12.0).der == pytest.approx(0.0, abs=1e-3)
        level = np.abs(composition.recording.waveform)
        is_speech = np.zeros(len(level), dtype=bool)
        for turn in composition.turns:
            is_speech[round(turn.start * 16_000) : round(turn.end * 16_000)] = True
        assert level[is_speech].mean() > 10 * level[~is_speech].mean()

    def test_have_no_speech_during_music(self):
        composition = compose(Scene(name="on-hold", seconds=20.0, speakers=2, music=(5.0, 12.0)))
        assert composition.turns
        assert all(turn.end <= 5.0 or turn.start >= 12.0 for turn in composition.turns)

    def test_have_no_reference_without_speakers(self, tmp_path):
        assert compose(Scene(name="silence", seconds=1.0, speakers=0)).write(tmp_path).reference is None
