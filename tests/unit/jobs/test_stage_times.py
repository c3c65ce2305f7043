"""Processing times: measured here, saved for the next call, and the basis of every estimate."""

import json
from dataclasses import replace

import pytest

from diarize_runner.jobs.stage_timer import StageTimer
from diarize_runner.jobs.stage_times import StageTimes, StageTimesFile, stage_times_file
from diarize_runner.jobs.startup_times import StartupTimes, StartupTimesFile, startup_times_file


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


def test_the_remaining_time_is_of_this_stage_at_both_speeds_and_of_the_later_ones():
    progress, clock = RecordingProgress(), Clock()
    timer = StageTimer("talk", 1000.0, TIMES, progress, clock)
    assert timer.estimated == 100.0
    for stage, after in [("segmentation", 10.0), ("segmentation", 20.0), ("embeddings", 50.0)]:
        clock.now = 50.0 + after
        timer.advance(stage, completed=1, total=2)
    assert progress.reports == [
        ("segmentation", 10.0, pytest.approx(10.0 + 70.0 + 10.0)),
        ("segmentation", 20.0, pytest.approx(18.3 + 70.0 + 10.0, abs=0.1)),
        ("embeddings", 50.0, pytest.approx(30.8 + 10.0, abs=0.1)),
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


def test_a_slow_first_batch_does_not_multiply_the_estimate():
    progress, clock = RecordingProgress(), Clock()
    timer = StageTimer("talk", 500.0, TIMES, progress, clock)
    clock.now += 10.0
    timer.advance("segmentation", completed=10, total=10)
    clock.now += 5.0
    timer.advance("embeddings", completed=1, total=140)
    before, after = (remaining for *_, remaining in progress.reports)
    assert before == 35.0 + 5.0
    assert before < after < 2.5 * before


def test_a_stage_takes_its_own_speed_as_it_goes_on():
    progress, clock = RecordingProgress(), Clock()
    timer = StageTimer("talk", 1000.0, TIMES, progress, clock)
    for completed in range(1, 10):
        clock.now += 14.0  # half as fast as before
        timer.advance("embeddings", completed=completed, total=10)
    *_, (_, _, remaining) = progress.reports
    assert remaining == pytest.approx(14.0 + 20.0 + 10.0, abs=1.0)


def test_start_up_is_part_of_the_estimate_and_of_the_remaining_time():
    progress, clock = RecordingProgress(), Clock()
    timer = StageTimer("talk", 20.0, TIMES, progress, clock, startup={"verify": 2.0, "load models": 8.0})
    assert timer.announcement == (
        "talk: 20.0 s of audio; about 12.0 s: 10.0 s to load the models, then RTF 0.100, as measured here"
    )
    timer.advance("verify", completed=0, total=10)
    clock.now += 2.0
    timer.advance("verify", completed=10, total=10)
    timer.advance("load models", completed=0, total=1)
    clock.now += 9.0
    timer.advance("load models", completed=1, total=1)
    assert [remaining for *_, remaining in progress.reports] == pytest.approx([12.0, 10.0, 10.0, 2.0])


def test_while_clustering_reports_nothing_its_bar_is_named():
    progress = RecordingProgress()
    timer = StageTimer("talk", 1000.0, TIMES, progress, Clock())
    timer.advance("embeddings", completed=2, total=2)
    assert [stage for stage, *_ in progress.reports] == ["embeddings", "clustering"]
    assert "clustering" not in timer.stop().stages


class TestStartupTimes:
    LOADED = StartupTimes(device="cpu", engine="exact", cache="sha256:1", stages={"verify": 2.0, "load models": 8.0})

    def test_they_are_saved_beside_the_stage_times(self, file):
        startup = StartupTimesFile(path=file.path, key="vm auto exact /cache")
        assert startup.read() is None
        file.add(TIMES)
        startup.add(self.LOADED)
        file.add(TIMES)
        assert startup.read() == self.LOADED
        assert file.read().real_time_factor == 0.1

    def test_the_latest_start_counts_as_much_as_all_before(self, file):
        startup = StartupTimesFile(path=file.path, key="vm auto exact /cache")
        startup.add(self.LOADED)
        startup.add(replace(self.LOADED, device="cuda", stages={"verify": 4.0, "load models": 8.0}))
        assert startup.read() == replace(self.LOADED, device="cuda", stages={"verify": 3.0, "load models": 8.0})

    def test_they_name_the_stage_times_of_what_was_loaded(self, tmp_path):
        assert self.LOADED.processing_times("diarize") is None
        stage_times_file("cpu", "exact diarize", "sha256:1").add(TIMES)
        assert self.LOADED.processing_times("diarize") == TIMES
        assert startup_times_file("auto", "exact", tmp_path).path == tmp_path / "cache-home/diarize-runner/pace.json"

    @pytest.mark.parametrize("entry", ["1", "{}", '{"stages": [1]}', '{"stages": {"verify": NaN}}', "null"])
    def test_a_damaged_entry_is_ignored_and_replaced(self, file, entry):
        file.path.parent.mkdir()
        held = f'{{"format": "diarize-runner/pace/1", "paces": {{}}, "startups": {{"key": {entry}}}}}'
        file.path.write_text(held)
        startup = StartupTimesFile(path=file.path, key="key")
        assert startup.read() is None
        startup.add(self.LOADED)
        assert startup.read() == self.LOADED
