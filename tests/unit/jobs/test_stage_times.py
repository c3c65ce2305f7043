"""Processing times: measured here, saved for the next call, and the basis of every estimate."""

import json

import pytest

from diarize_runner.jobs.stage_timer import StageTimer
from diarize_runner.jobs.stage_times import StageTimes, StageTimesFile, stage_times_file


class RecordingProgress:
    """Records the reported times."""

    def __init__(self):
        self.reports = []

    def advance(self, stage, *, completed, total, overall=None):
        self.reports.append((stage, overall.elapsed, overall.remaining))


class Clock:
    """A simulated clock."""

    now = 50.0

    def __call__(self):
        return self.now


@pytest.fixture
def file(tmp_path):
    return StageTimesFile(path=tmp_path / "cache/pace.json", key="vm cpu exact")


TIMES = StageTimes(audio_seconds=100.0, stages={"segmentation": 2.0, "embeddings": 7.0, "rest": 1.0})


def test_times_are_saved_by_device_engine_and_cache(file):
    assert file.read() is None
    file.add(TIMES)
    assert file.read() == TIMES
    assert file.read().real_time_factor == 0.1
    assert StageTimesFile(path=file.path, key="vm cuda exact").read() is None


def test_the_times_of_other_keys_are_kept(file):
    other = StageTimesFile(path=file.path, key="vm cuda exact")
    other.add(TIMES)
    file.add(TIMES)
    assert other.read() == file.read() == TIMES


def test_an_hour_of_audio_outweighs_older_times(file):
    file.add(StageTimes(audio_seconds=36_000.0, stages={"segmentation": 3_600.0}))
    file.add(StageTimes(audio_seconds=36.0, stages={"segmentation": 36.0}))
    assert file.read().real_time_factor == pytest.approx(0.109, abs=0.001)
    for _ in range(3):
        file.add(StageTimes(audio_seconds=3_600.0, stages={"segmentation": 1_800.0}))
    assert file.read().real_time_factor == pytest.approx(0.45, abs=0.01)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"format": "diarize-runner/pace/2", "paces": {}}',
        '{"format": "diarize-runner/pace/1", "paces": {"vm cpu exact": {"audio_seconds": 0, "stages": {}}}}',
        '{"format": "diarize-runner/pace/1", "paces": {"vm cpu exact": {"audio_seconds": 1, "stages": [1]}}}',
        '{"format": "diarize-runner/pace/1", "paces": {"vm cpu exact": {"audio_seconds": NaN, "stages": {"a": 1}}}}',
    ],
)
def test_a_damaged_file_is_ignored_and_replaced(file, content):
    file.path.parent.mkdir()
    file.path.write_text(content)
    assert file.read() is None
    file.add(TIMES)
    assert file.read() == TIMES
    assert json.loads(file.path.read_text())["format"] == "diarize-runner/pace/1"


def test_a_file_that_cannot_be_written_is_no_error(file):
    file.path.parent.write_text("a file")
    file.add(TIMES)
    assert file.read() is None


def test_the_file_lies_in_the_users_cache_folder(tmp_path, monkeypatch):
    assert stage_times_file("cpu", "exact", "digest").path == tmp_path / "cache-home/diarize-runner/pace.json"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert stage_times_file("cpu", "exact", "digest").path == tmp_path / ".cache/diarize-runner/pace.json"


def test_the_remaining_time_extrapolates_this_stage_and_adds_the_later_ones():
    progress, clock = RecordingProgress(), Clock()
    timer = StageTimer("talk", 1000.0, TIMES, progress, clock)
    assert timer.estimated == 100.0
    for stage, after in [("segmentation", 10.0), ("segmentation", 20.0), ("embeddings", 50.0)]:
        clock.now = 50.0 + after
        timer.advance(stage, completed=1, total=2)
    assert progress.reports == [
        ("segmentation", 10.0, 10.0 + 70.0 + 10.0),
        ("segmentation", 20.0, 20.0 + 70.0 + 10.0),
        ("embeddings", 50.0, 30.0 + 10.0),
    ]
    clock.now = 155.0
    assert timer.stop() == StageTimes(
        audio_seconds=1000.0, stages={"segmentation": 20.0, "embeddings": 30.0, "rest": 55.0}
    )
    assert (timer.timing.processing_seconds, timer.timing.real_time_factor) == (105.0, 0.105)


def test_without_history_there_is_no_estimate():
    progress = RecordingProgress()
    timer = StageTimer("talk", 1000.0, None, progress, Clock())
    timer.advance("segmentation", completed=1, total=2)
    assert timer.estimated is None
    assert timer.announcement == "talk: 16 min 40 s of audio; no estimate, as nothing was timed here yet"
    assert [remaining for *_, remaining in progress.reports] == [None]
