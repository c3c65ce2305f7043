"""A workload is a file; what it has composed is the same everywhere, and says who really speaks."""

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
    transcript: calls/monday.json
    hints: {at_least: 2, at_most: 4}
  - scene: {name: hour, seconds: 3600, speakers: 4, pause: 1.5, music: [60, 90]}
"""


def read(tmp_path, text):
    path = tmp_path / "workload.yaml"
    path.write_text(text)
    return read_workload(str(path))


def test_a_workload_file_is_read(tmp_path):
    found = read(tmp_path, WORKLOAD)
    sample, monday, hour = found.recordings
    assert (found.name, found.engines, found.devices) == ("two-calls", ("stock", "exact"), ("cpu",))
    assert (found.warmups, found.repeats, found.starts, found.batches) == (0, 5, 2, (1, 16))
    assert sample.audio.is_file()
    assert sample.reference.is_file()
    assert monday == WorkItem(
        audio=tmp_path / "calls/monday.m4a",
        reference=tmp_path / "calls/monday.rttm",
        transcript=tmp_path / "calls/monday.json",
        hints=SpeakerHints(at_least=2, at_most=4),
    )
    assert hour == Scene(name="hour", seconds=3600, speakers=4, pause=1.5, music=(60, 90))


@pytest.mark.parametrize(
    ("instead", "of", "problem"),
    [
        (
            "engines: [stock, exotic]",
            "engines: [stock, exact]",
            r"not one of exact, stock in 'engines\[1\]'",
        ),
        ("repeats: many", "repeats: 5", "expected a whole number, not str in 'repeats'"),
        ("repeat: 5", "repeats: 5", "unknown key 'repeat'"),
        ("speakers: 7", "speakers: 4", r"there are 6 voices, not 7 in 'recordings\[2\].scene.speakers'"),
        ("seconds: 28801", "seconds: 3600", "lasts no longer than 28800 s"),
        ("music: [90, 60]", "music: [60, 90]", r"expected \[start, end\]"),
        ("- pathe: calls", "- path: calls", "missing key 'path'"),
        ("workload/2", "workload/1", "format 'diarize-runner/workload/2' is not"),
        ("format: [", "format: diarize-runner/workload/1", "no workload can be read"),
    ],
)
def test_a_workload_that_is_wrong_is_refused_with_the_place(tmp_path, instead, of, problem):
    assert of in WORKLOAD
    text = WORKLOAD.replace(of, instead)
    with pytest.raises(ManifestError, match=problem):
        read(tmp_path, text)


def test_a_name_that_is_neither_a_file_nor_shipped_says_what_is():
    with pytest.raises(ManifestError) as refused:
        read_workload("nothing-of-the-kind")
    assert refused.value.hint == "name a file, or one of: default, guide, scale"


@pytest.mark.parametrize("name", shipped_workloads())
def test_a_workload_that_ships_can_be_read_and_needs_no_download(name):
    found = read_workload(name)
    assert found.name == name
    assert all(isinstance(each, Scene) or each.audio.is_file() for each in found.recordings)


def test_the_default_is_short_enough_for_a_cpu():
    found = read_workload("default")
    scenes = [each for each in found.recordings if isinstance(each, Scene)]
    assert 30 + sum(scene.seconds for scene in scenes) <= 180


def test_two_recordings_of_one_name_are_refused(tmp_path):
    scene = Scene(name="same", seconds=1, speakers=1)
    with pytest.raises(UsageError, match="two recordings are called same"):
        Workload(name="w", recordings=(scene, WorkItem(audio=tmp_path / "same.wav", reference=None)))


class TestCompositions:
    SCENE = Scene(name="short-talk", seconds=12.0, speakers=3, overlap=1.0)

    def test_they_are_written_as_they_are_heard(self, tmp_path):
        made = compose(self.SCENE)
        heard = decode(made.write(tmp_path).audio)
        assert heard.duration == 12.0
        assert np.allclose(heard.waveform, made.recording.waveform, atol=1e-4)

    def test_the_same_scene_is_the_same_recording_and_another_name_is_another(self):
        one, two = compose(self.SCENE), compose(self.SCENE)
        other = compose(Scene(name="another-talk", seconds=12.0, speakers=3, overlap=1.0))
        assert np.array_equal(one.samples, two.samples)
        assert not np.array_equal(one.samples, other.samples)

    def test_their_reference_says_who_is_heard_and_when(self, tmp_path):
        made = compose(self.SCENE)
        item = made.write(tmp_path)
        said = Diarization(uri=made.name, turns=made.turns, exclusive_turns=())
        assert score(said, item.reference, 12.0).der == pytest.approx(0.0, abs=1e-3)
        level = np.abs(made.recording.waveform)
        spoken = np.zeros(len(level), dtype=bool)
        for turn in made.turns:
            spoken[round(turn.start * 16_000) : round(turn.end * 16_000)] = True
        assert level[spoken].mean() > 10 * level[~spoken].mean()

    def test_nobody_speaks_while_music_plays(self):
        made = compose(Scene(name="on-hold", seconds=20.0, speakers=2, music=(5.0, 12.0)))
        assert made.turns
        assert all(turn.end <= 5.0 or turn.start >= 12.0 for turn in made.turns)

    def test_a_scene_without_speakers_has_no_reference(self, tmp_path):
        assert compose(Scene(name="silence", seconds=1.0, speakers=0)).write(tmp_path).reference is None
