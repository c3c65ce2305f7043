"""The state of a batch, from the objects in OUTPUT."""

from dataclasses import replace

import pytest

from diarize_runner.batch import status_page
from diarize_runner.batch.outcomes import AlreadyDone, Done, Failed
from diarize_runner.batch.progress_log import ProgressLog, WorkerProgress, read_progress
from diarize_runner.batch.results import record_configuration
from diarize_runner.batch.shards import WHOLE, Shard
from diarize_runner.batch.status import read_status
from diarize_runner.batch.status_text import lines
from diarize_runner.errors import PipelineError, UsageError
from diarize_runner.progress import NoProgress

DONE = Done(key="a", audio_seconds=3600.0, processing_seconds=36.0)
FAILED = Failed(key="b", message="no", hint="", will_be_tried_again=True)


class Clock:
    """A clock that a test moves."""

    def __init__(self):
        self.now = 1_800_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def recorded(batch):
    record_configuration(batch.output, batch.plan.configuration, batch.plan.source)
    return batch


def log_of(batch, clock, shard=WHOLE):
    return ProgressLog(batch.output, batch.plan.configuration.name, shard, clock=clock)


def status_of(batch, clock):
    (status,) = read_status(batch.output, NoProgress(), clock)
    return status


def test_a_status_counts_what_is_done_failed_and_left(recorded, clock):
    for key in ("a.wav", "b.bin", "c.wav"):
        recorded.add(key, b"text" if key == "b.bin" else None)
    recorded.run(recorded.work().pending[:2])
    status = status_of(recorded, clock)
    assert (status.done, status.left, [each.key for each in status.failures]) == (1, 1, ["b.bin"])


def test_a_status_adds_up_what_the_processes_did(recorded, clock):
    for _ in range(2):
        log = log_of(recorded, clock)
        clock.now += 3600
        for outcome in (DONE, FAILED, AlreadyDone(key="c")):
            log.add(outcome)
        log.end()
    status = status_of(recorded, clock)
    assert (status.audio_seconds, status.real_time_factor, status.worker_hours) == (7200.0, 0.01, 2.0)
    assert "cost: 1.05" in "\n".join(lines(status, 0.526))


def test_progress_is_written_every_30_seconds_and_at_the_end(recorded, clock):
    log = log_of(recorded, clock)

    def written():
        (progress,) = read_progress(recorded.output, recorded.plan.configuration.name)
        return progress.done, progress.ended

    log.add(DONE)
    assert written() == (0, False)
    clock.now += 30
    log.add(DONE)
    assert written() == (2, False)
    log.add(DONE)
    log.end()
    assert written() == (3, True)


def test_the_time_left_is_at_the_rate_of_the_processes_that_work_now(recorded, clock):
    for number in range(4):
        recorded.add(f"{number}.wav")
    log_of(recorded, clock)  # killed: it wrote nothing else
    clock.now += 1000
    log = log_of(recorded, clock)
    log.add(DONE)
    clock.now += 60
    log.add(DONE)
    status = status_of(recorded, clock)
    assert len(status.active) == 1
    assert (status.left, status.seconds_left) == (4, 120.0)


def test_shards_that_never_began_are_named(recorded, clock):
    for index in (0, 3):
        log_of(recorded, clock, Shard(index=index, count=5))
    assert list(status_of(recorded, clock).shards_never_begun) == [1, 2, 4]
    assert "shards that never began: 1, 2, 4" in "\n".join(lines(status_of(recorded, clock), None))


def test_only_the_latest_number_of_shards_counts(recorded, clock):
    log_of(recorded, clock, Shard(index=0, count=5))
    clock.now += 1
    log_of(recorded, clock, Shard(index=0, count=1))
    assert list(status_of(recorded, clock).shards_never_begun) == []


def test_an_input_that_cannot_be_listed_leaves_the_rest(recorded, clock, monkeypatch):
    monkeypatch.setattr("diarize_runner.batch.source.InputSource.recordings", _unlisted)
    status = status_of(recorded, clock)
    assert (status.left, status.problem) == (None, "denied")
    assert "left: unknown" in "\n".join(lines(status, None))


def _unlisted(_source):
    raise PipelineError("denied")


def test_each_configuration_has_a_status_of_its_own(recorded, clock):
    other = replace(recorded.plan.configuration, engine="fast")
    record_configuration(recorded.output, other, recorded.plan.source)
    assert len(read_status(recorded.output, NoProgress(), clock)) == 2


def test_a_folder_without_a_batch_is_refused(batch, clock):
    with pytest.raises(UsageError, match="holds no batch"):
        read_status(batch.output, NoProgress(), clock)


def test_progress_survives_its_own_format():
    progress = WorkerProgress(
        process="p", shard=1, shards=2, began=1.5, updated=2.25, done=4, failed=5, audio_seconds=6.5
    )
    assert WorkerProgress.decode(progress.encode(), "p.json") == progress


def test_a_page_shows_hostile_names_as_text(local_batch, clock):
    record_configuration(local_batch.output, local_batch.plan.configuration, local_batch.plan.source)
    local_batch.add("<script>alert(1)<!script>.bin", b"text")
    local_batch.run()
    log_of(local_batch, clock).end()
    page = status_page.render("<b>", [status_of(local_batch, clock)], 0.5)
    assert "<script>" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;alert(1)" in page
