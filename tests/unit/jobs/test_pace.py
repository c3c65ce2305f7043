"""How long a recording takes: measured here, kept for the next call, and never made up."""

import json

import pytest

from diarize_runner.jobs.pace import KeptPace, Pace, kept_pace
from diarize_runner.jobs.watch import Watch


class Heard:
    """Remembers what it is told."""

    def __init__(self):
        self.wholes = []

    def advance(self, stage, *, completed, total, whole=None):
        self.wholes.append((stage, whole.elapsed, whole.remaining))


class Clock:
    """A clock that the test turns."""

    now = 50.0

    def __call__(self):
        return self.now


@pytest.fixture
def kept(tmp_path):
    return KeptPace(path=tmp_path / "cache/pace.json", what="vm cpu exact")


PACE = Pace(audio_seconds=100.0, stages={"segmentation": 2.0, "embeddings": 7.0, "rest": 1.0})


def test_what_was_measured_is_kept_by_device_engine_and_cache(kept):
    assert kept.read() is None
    kept.add(PACE)
    assert kept.read() == PACE
    assert kept.read().real_time_factor == 0.1
    assert KeptPace(path=kept.path, what="vm cuda exact").read() is None


def test_others_are_kept_beside_it(kept):
    other = KeptPace(path=kept.path, what="vm cuda exact")
    other.add(PACE)
    kept.add(PACE)
    assert other.read() == kept.read() == PACE


def test_a_short_recording_changes_little_and_an_hour_of_them_most(kept):
    kept.add(Pace(audio_seconds=36_000.0, stages={"segmentation": 3_600.0}))
    kept.add(Pace(audio_seconds=36.0, stages={"segmentation": 36.0}))
    assert kept.read().real_time_factor == pytest.approx(0.109, abs=0.001)
    for _ in range(3):
        kept.add(Pace(audio_seconds=3_600.0, stages={"segmentation": 1_800.0}))
    assert kept.read().real_time_factor == pytest.approx(0.45, abs=0.01)


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
def test_a_damaged_file_is_as_good_as_none_and_is_written_anew(kept, content):
    kept.path.parent.mkdir()
    kept.path.write_text(content)
    assert kept.read() is None
    kept.add(PACE)
    assert kept.read() == PACE
    assert json.loads(kept.path.read_text())["format"] == "diarize-runner/pace/1"


def test_where_nothing_can_be_kept_nothing_is_said(kept):
    kept.path.parent.write_text("a file")
    kept.add(PACE)
    assert kept.read() is None


def test_it_lies_in_the_users_cache_folder(tmp_path, monkeypatch):
    assert kept_pace("cpu", "exact", "digest").path == tmp_path / "cache-home/diarize-runner/pace.json"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert kept_pace("cpu", "exact", "digest").path == tmp_path / ".cache/diarize-runner/pace.json"


def test_what_remains_is_this_stage_as_it_goes_and_the_others_as_they_went():
    heard, clock = Heard(), Clock()
    watch = Watch("talk", 1000.0, PACE, heard, clock)
    assert watch.estimated == 100.0
    for stage, after in [("segmentation", 10.0), ("segmentation", 20.0), ("embeddings", 50.0)]:
        clock.now = 50.0 + after
        watch.advance(stage, completed=1, total=2)
    assert heard.wholes == [
        ("segmentation", 10.0, 10.0 + 70.0 + 10.0),
        ("segmentation", 20.0, 20.0 + 70.0 + 10.0),
        ("embeddings", 50.0, 30.0 + 10.0),
    ]
    clock.now = 155.0
    assert watch.stop() == Pace(audio_seconds=1000.0, stages={"segmentation": 20.0, "embeddings": 30.0, "rest": 55.0})
    assert (watch.timing.processing_seconds, watch.timing.real_time_factor) == (105.0, 0.105)


def test_without_a_pace_nothing_is_made_up():
    heard = Heard()
    watch = Watch("talk", 1000.0, None, heard, Clock())
    watch.advance("segmentation", completed=1, total=2)
    assert watch.estimated is None
    assert (
        watch.announcement == "talk: 16 min 40 s of audio; nothing was timed here yet, so how long it takes is unknown"
    )
    assert [remaining for *_, remaining in heard.wholes] == [None]
