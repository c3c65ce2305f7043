"""The queue, on SQLite and on PostgreSQL."""

import json
import logging
import os
import pickle
import sqlite3
import stat
import traceback
from functools import partial

import pytest

pytest.importorskip("sqlalchemy")

import sqlalchemy
from sqlalchemy import text
from support.processes import race_threads
from support.queues import CRASH, FakeClock, claim, new_job, open_queue

from diarize_runner.errors import IdempotencyConflict, InvalidCursor, LeaseLost, QueueError
from diarize_runner.service.queue.database import open_database, writing
from diarize_runner.service.queue.job import JobFailure, QueueLoad
from diarize_runner.service.queue.table import JOBS, VERSION
from diarize_runner.service.work import Work

FAILURE = JobFailure(kind="UnreadableAudio", message="no audio", hint="upload a recording")


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def queue(database_url, clock):
    queue = open_queue(database_url, clock)
    yield queue
    queue.engine.dispose()


def add(queue, *job_ids, **values):
    """Add jobs, one second after another."""
    for job_id in job_ids:
        queue.clock.now += 1
        queue.add(new_job(job_id, **values))


def plant(queue, job_id, **values):
    """Write values into a row, as another program could."""
    with queue.engine.begin() as connection:
        for column, value in values.items():
            connection.execute(
                text(f"update jobs set {column} = :value where id = :id"), {"value": value, "id": job_id}
            )


def ids(jobs):
    return [job.id for job in jobs]


class TestAdding:
    def test_a_job_is_stored_as_it_was_given(self, queue, clock):
        work = Work(name="Gespräch \x00 1.wav", language="de").encode()
        added = queue.add(new_job("a", owner="kai", work=work, model="small", audio_seconds=12.25))
        assert queue.find("a") == added
        assert (added.owner, added.work, added.model, added.audio_seconds) == ("kai", work, "small", 12.25)
        assert (added.state, added.created_at, added.attempts, added.interruptions) == ("queued", clock.now, 0, 0)

    def test_an_unknown_job_is_none(self, queue):
        assert queue.find("a") is None

    def test_the_same_idempotency_key_and_digest_return_the_first_job(self, queue):
        first = queue.add(new_job("a", idempotency_key="key", request_digest="same"))
        assert queue.add(new_job("b", idempotency_key="key", request_digest="same")) == first
        assert queue.find("b") is None

    def test_the_same_idempotency_key_with_another_digest_conflicts(self, queue):
        queue.add(new_job("a", idempotency_key="key", request_digest="one"))
        with pytest.raises(IdempotencyConflict, match="key"):
            queue.add(new_job("b", idempotency_key="key", request_digest="other"))
        assert queue.find("b") is None

    def test_another_owner_may_use_the_same_idempotency_key(self, queue):
        queue.add(new_job("a", owner="kai", idempotency_key="key", request_digest="one"))
        assert queue.add(new_job("b", owner="lea", idempotency_key="key", request_digest="other")).id == "b"

    def test_jobs_without_an_idempotency_key_are_all_added(self, queue):
        add(queue, "a", "b")
        assert queue.load().jobs == 2

    @pytest.mark.parametrize("values", [{}, {"owner": "lea"}, {"idempotency_key": "key"}])
    def test_an_id_is_used_once(self, queue, values):
        add(queue, "0", "a")
        first = queue.find("a")
        with pytest.raises(QueueError, match="job a already"):
            queue.add(new_job("a", **values))
        assert queue.find("a") == first

    def test_of_concurrent_requests_with_one_idempotency_key_one_adds_a_job(self, queue):
        found = []

        def submit(job_id):
            found.append(queue.add(new_job(job_id, idempotency_key="key", request_digest="same")).id)

        assert race_threads([partial(submit, str(n)) for n in range(8)]) == [None] * 8
        assert len(set(found)) == 1
        assert queue.load().jobs == 1


class TestListing:
    def test_pages_are_newest_first_and_together_have_each_job_once(self, queue):
        add(queue, "a", "b", "c")
        for job_id in ("e", "d"):  # added in the same instant as c
            queue.add(new_job(job_id))
        pages, cursor = [], None
        while True:
            page = queue.page("kai", cursor=cursor, limit=2)
            pages.append(ids(page.jobs))
            cursor = page.next_cursor
            if cursor is None:
                break
        assert pages == [["e", "d"], ["c", "b"], ["a"]]

    def test_a_full_last_page_has_no_next_page(self, queue):
        add(queue, "a", "b")
        assert queue.page("kai", cursor=None, limit=2).next_cursor is None

    def test_a_page_has_no_job_of_another_owner(self, queue):
        add(queue, "a", "b", owner="lea")
        add(queue, "c", owner="kai")
        cursor_of_lea = queue.page("lea", cursor=None, limit=1).next_cursor
        assert ids(queue.page("kai", cursor=None, limit=9).jobs) == ["c"]
        assert ids(queue.page("kai", cursor=cursor_of_lea, limit=9).jobs) == []

    def test_a_page_can_be_of_one_state(self, queue):
        add(queue, "a", "b")
        claim(queue)
        assert ids(queue.page("kai", cursor=None, limit=9, state="running").jobs) == ["a"]

    @pytest.mark.parametrize("cursor", ["", "x", "é", "AAAA", "YSBi", "MS4wIACA", "MS4wIAA=", "MS4wIO2ggA==", "MS4w"])
    def test_a_cursor_that_no_page_returned_is_refused(self, queue, cursor):
        with pytest.raises(InvalidCursor, match="cursor"):
            queue.page("kai", cursor=cursor, limit=9)

    def test_load_counts_queued_and_running_jobs(self, queue):
        assert queue.load() == QueueLoad(jobs=0, audio_seconds=0.0)
        add(queue, "a", "b", "c", audio_seconds=10.5)
        add(queue, "d", owner="lea", audio_seconds=1.0)
        queue.fail(claim(queue), FAILURE)
        claim(queue)
        assert queue.load() == QueueLoad(jobs=3, audio_seconds=22.0)
        assert queue.load("kai") == QueueLoad(jobs=2, audio_seconds=21.0)

    def test_counts_have_every_state(self, queue):
        add(queue, "a", "b", "c")
        queue.fail(claim(queue), FAILURE)
        claim(queue)
        assert queue.counts() == {"queued": 1, "running": 1, "succeeded": 0, "failed": 1, "cancelled": 0}


class TestClaiming:
    def test_the_oldest_job_is_claimed(self, queue, clock):
        add(queue, "b", "a")
        clock.now += 5
        found = claim(queue)
        assert (found.job.id, found.job.state, found.job.attempts) == ("b", "running", 1)
        assert found.job.started_at == clock.now
        assert queue.find("b") == found.job

    def test_an_empty_queue_has_nothing_to_claim(self, queue):
        assert claim(queue) is None
        add(queue, "a")
        claim(queue)
        assert claim(queue) is None

    def test_a_job_of_the_loaded_model_goes_first(self, queue):
        add(queue, "a", model="large")
        add(queue, "b", "c", model="small")
        assert claim(queue, model="small").job.id == "b"

    def test_without_a_job_of_the_loaded_model_the_oldest_goes_first(self, queue):
        add(queue, "a", "b", model="large")
        assert claim(queue, model="small").job.id == "a"

    def test_a_job_that_waited_too_long_goes_before_the_loaded_model(self, queue):
        add(queue, "a", model="large")
        add(queue, "b", model="small")
        waiting_since = queue.find("a").created_at
        assert claim(queue, model="small", sticky_since=waiting_since + 0.5).job.id == "a"

    def test_the_oldest_of_those_that_waited_too_long_goes_first(self, queue, clock):
        add(queue, "a", model="large")
        add(queue, "b", model="small")
        assert claim(queue, model="small", sticky_since=clock.now + 1).job.id == "a"

    def test_a_claim_expires_when_its_worker_dies(self, queue, clock):
        add(queue, "a")
        dead = claim(queue, box="dead")
        clock.now += queue.lease_seconds
        assert claim(queue, box="alive") is None
        clock.now += 0.1
        found = claim(queue, box="alive")
        assert (found.job.id, found.job.attempts, found.job.interruptions) == ("a", 1, 1)
        for lost in (lambda: queue.renew(dead, stage="", progress=0.5), lambda: queue.fail(dead, FAILURE)):
            with pytest.raises(LeaseLost):
                lost()
        assert queue.find("a") == found.job

    def test_a_renewed_lease_does_not_expire(self, queue, clock):
        add(queue, "a")
        found = claim(queue)
        for _ in range(5):
            clock.now += queue.lease_seconds - 1
            queue.renew(found, stage="", progress=0.0)
        assert claim(queue) is None

    def test_a_worker_that_was_slow_keeps_its_job_if_no_other_claimed_it(self, queue, clock):
        add(queue, "a")
        found = claim(queue)
        clock.now += 10 * queue.lease_seconds
        queue.renew(found, stage="", progress=0.0)
        assert claim(queue) is None

    def test_a_job_on_which_the_server_dies_too_often_fails(self, queue, clock):
        add(queue, "a", "b")
        for _ in range(queue.max_interruptions):
            assert claim(queue).job.id == "a"
            clock.now += queue.lease_seconds + 1
        assert claim(queue).job.id == "b"
        failed = queue.find("a")
        assert (failed.state, failed.finished_at, failed.interruptions) == ("failed", clock.now, 20)
        assert (failed.failure.kind, "20 times" in failed.failure.message) == ("PipelineError", True)
        assert failed.failure.hint

    def test_a_job_that_is_put_back_starts_again(self, queue, clock):
        add(queue, "a")
        found = claim(queue)
        queue.renew(found, stage="embeddings", progress=0.5)
        queue.give_back(found)
        job = queue.find("a")
        assert (job.state, job.stage, job.progress, job.started_at) == ("queued", "", 0.0, None)


class TestProgress:
    def test_progress_is_stored_and_never_decreases(self, queue):
        add(queue, "a")
        found = claim(queue)
        assert queue.renew(found, stage="segmentation", progress=0.5).progress == 0.5
        job = queue.renew(found, stage="embeddings", progress=0.25)
        assert (job.stage, job.progress) == ("embeddings", 0.5)
        assert queue.renew(found, stage="embeddings", progress=0.75).progress == 0.75

    def test_renewing_tells_the_worker_that_the_owner_cancelled(self, queue):
        add(queue, "a")
        found = claim(queue)
        assert not queue.renew(found, stage="", progress=0.0).cancel_requested
        queue.cancel("a")
        assert queue.renew(found, stage="", progress=0.0).cancel_requested


ENDINGS = {
    "succeed": lambda queue, claim: queue.succeed(claim, result="result-1", processing_seconds=2.5),
    "fail": lambda queue, claim: queue.fail(claim, FAILURE),
    "cancelled": lambda queue, claim: queue.cancelled(claim),
}
RETURNS = {
    "crashed": lambda queue, claim: queue.crashed(claim, CRASH),
    "give_back": lambda queue, claim: queue.give_back(claim),
    "renew": lambda queue, claim: queue.renew(claim, stage="", progress=0.0),
}


class TestEnding:
    def test_a_job_that_succeeded_has_its_result(self, queue, clock):
        add(queue, "a")
        found = claim(queue)
        clock.now += 3
        ENDINGS["succeed"](queue, found)
        job = queue.find("a")
        assert (job.state, job.result, job.processing_seconds) == ("succeeded", "result-1", 2.5)
        assert (job.finished_at, job.progress, job.is_final) == (clock.now, 1.0, True)

    def test_a_job_that_failed_has_its_error(self, queue):
        add(queue, "a")
        ENDINGS["fail"](queue, claim(queue))
        assert (queue.find("a").state, queue.find("a").failure) == ("failed", FAILURE)

    @pytest.mark.parametrize("first", [*ENDINGS])
    def test_a_job_ends_once(self, queue, clock, first):
        add(queue, "a")
        found = claim(queue)
        ENDINGS[first](queue, found)
        ended = queue.find("a")
        for second in (*ENDINGS.values(), *RETURNS.values()):
            clock.now += 1
            with pytest.raises(LeaseLost, match="job a "):
                second(queue, found)
            assert queue.find("a") == ended

    def test_a_removed_job_has_no_lease(self, queue):
        add(queue, "a")
        found = claim(queue)
        queue.remove("a")
        for change in (*ENDINGS.values(), *RETURNS.values()):
            with pytest.raises(LeaseLost):
                change(queue, found)
        assert queue.find("a") is None

    def test_a_job_on_which_the_model_process_died_is_tried_again_before_later_ones(self, queue):
        add(queue, "a", "b")
        queue.crashed(claim(queue), CRASH)
        found = claim(queue)
        assert (found.job.id, found.job.attempts) == ("a", 2)

    def test_a_job_on_which_the_model_process_died_three_times_fails(self, queue):
        add(queue, "a", "b")
        for _ in range(3):
            queue.crashed(claim(queue), CRASH)
        job = queue.find("a")
        assert (job.state, job.failure.kind, job.failure.hint) == ("failed", "PipelineError", CRASH.hint)
        assert "3 attempts" in job.failure.message
        assert CRASH.message in job.failure.message
        assert claim(queue).job.id == "b"

    def test_a_job_that_was_given_back_was_not_attempted(self, queue):
        add(queue, "a")
        for _ in range(5):
            queue.give_back(claim(queue))
        found = claim(queue)
        assert (found.job.attempts, found.job.interruptions) == (1, 0)

    def test_a_box_that_starts_puts_back_what_it_ran(self, queue):
        add(queue, "a", "b", "c")
        old = claim(queue, box="one")
        claim(queue, box="one")
        other = claim(queue, box="two")
        queue.release("one")
        jobs = [queue.find(job_id) for job_id in ("a", "b", "c")]
        assert [(job.state, job.attempts, job.interruptions) for job in jobs] == [
            ("queued", 0, 1),
            ("queued", 0, 1),
            ("running", 1, 0),
        ]
        queue.renew(other, stage="", progress=0.0)
        with pytest.raises(LeaseLost):
            queue.renew(old, stage="", progress=0.0)

    def test_a_job_that_a_box_released_too_often_fails(self, queue):
        add(queue, "a")
        for _ in range(queue.max_interruptions):
            claim(queue, box="one")
            queue.release("one")
        assert queue.find("a").state == "failed"


class TestCancelling:
    def test_a_queued_job_is_cancelled_at_once(self, queue, clock):
        add(queue, "a")
        clock.now += 1
        job = queue.cancel("a")
        assert (job.state, job.finished_at) == ("cancelled", clock.now)
        assert claim(queue) is None

    def test_a_running_job_runs_until_its_worker_stops_it(self, queue):
        add(queue, "a")
        found = claim(queue)
        job = queue.cancel("a")
        assert (job.state, job.cancel_requested, job.finished_at) == ("running", True, None)
        queue.cancelled(found)
        assert queue.find("a").state == "cancelled"

    def test_a_job_that_ended_stays_as_it_is(self, queue, clock):
        add(queue, "a")
        ENDINGS["succeed"](queue, claim(queue))
        ended = queue.find("a")
        clock.now += 1
        assert queue.cancel("a") == ended

    def test_an_unknown_job_cannot_be_cancelled(self, queue):
        assert queue.cancel("a") is None

    @pytest.mark.parametrize("way", ["crashed", "give_back", "release", "expiry"])
    def test_a_job_to_be_cancelled_does_not_run_again(self, queue, clock, way):
        add(queue, "a")
        found = claim(queue, box="one")
        queue.cancel("a")
        if way == "release":
            queue.release("one")
        elif way == "expiry":
            clock.now += queue.lease_seconds + 1
        else:
            RETURNS[way](queue, found)
        assert claim(queue) is None
        assert (queue.find("a").state, queue.find("a").finished_at) == ("cancelled", clock.now)


class TestRetention:
    def test_jobs_that_ended_before_a_time_are_found_oldest_first(self, queue, clock):
        add(queue, "a", "b", "c", "d", "e")
        for job_id in ("c", "a", "b"):
            clock.now += 1
            queue.cancel(job_id)
        claim(queue)
        assert queue.finished_before(clock.now, 9) == ("c", "a")
        assert queue.finished_before(clock.now + 1, 2) == ("c", "a")

    def test_a_removed_job_is_gone(self, queue):
        add(queue, "a", "b")
        queue.remove("a")
        assert ids(queue.page("kai", cursor=None, limit=9).jobs) == ["b"]


class TestDatabase:
    def test_jobs_survive_a_restart(self, queue, database_url):
        add(queue, "a")
        queue.engine.dispose()
        assert open_queue(database_url).find("a").state == "queued"

    def test_a_queue_of_a_newer_release_is_refused(self, queue, database_url):
        with queue.engine.begin() as connection:
            connection.execute(text("update schema_version set version = :version"), {"version": VERSION + 1})
        with pytest.raises(QueueError, match=r"schema 2.*schema 1") as refused:
            open_database(database_url)
        assert "release" in refused.value.hint
        with pytest.raises(QueueError, match="schema 2"):
            queue.check()

    def test_a_queue_that_can_be_written_is_ready(self, queue):
        assert queue.check() is None

    def test_concurrent_services_create_one_queue(self, database_url):
        def start():
            open_queue(database_url).check()

        assert race_threads([start] * 6) == [None] * 6
        with writing(open_database(database_url)) as connection:
            assert connection.execute(text("select version from schema_version")).all() == [(VERSION,)]


class Exploit:
    def __reduce__(self):
        return os.mkdir, (EXPLOITED,)


EXPLOITED = "exploited"
TEXTS = [c.name for c in JOBS.c if isinstance(c.type, sqlalchemy.Text) and c.name not in ("id", "owner", "state")]
NUMBERS = [c.name for c in JOBS.c if isinstance(c.type, (sqlalchemy.Double, sqlalchemy.Integer))]
PICKLE = pickle.dumps(Exploit(), protocol=0)


class TestHostileRows:
    def test_a_pickle_in_a_text_column_is_only_text(self, queue, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        planted = PICKLE.decode()
        add(queue, "a")
        plant(queue, "a", **dict.fromkeys(set(TEXTS) - {"result"}, planted))
        job = queue.find("a")
        assert (job.work, job.model, job.stage) == (planted,) * 3
        assert job.failure == JobFailure(kind=planted, message=planted, hint=planted)
        assert queue.page("kai", cursor=None, limit=9).jobs == (job,)
        assert claim(queue).job.work == planted
        with pytest.raises(ValueError, match="Expecting value"):
            Work.decode(planted)
        assert not (tmp_path / EXPLOITED).exists()

    def test_the_planted_pickle_would_run_if_it_were_loaded(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        pickle.loads(PICKLE)
        assert (tmp_path / EXPLOITED).exists()

    def test_a_claimed_job_without_valid_work_can_be_failed(self, queue):
        for work in ("", "nothing", "[]", "{}", "null", json.dumps({"hints": {}, "task": "remove"})):
            add(queue, work)
            plant(queue, work, work=work)
            found = claim(queue)
            with pytest.raises((ValueError, TypeError, KeyError)):
                Work.decode(found.job.work)
            queue.fail(found, FAILURE)

    @pytest.mark.parametrize("result", ["/etc", "../../other/result-1", "..", ".", "", "result-1/", "result-1\n"])
    def test_a_result_that_is_no_name_of_a_folder_is_refused(self, queue, result):
        add(queue, "a")
        plant(queue, "a", state="succeeded", result=result)
        with pytest.raises(QueueError, match=r"'a' of the queue is no job: \['result'\]"):
            queue.find("a")

    def test_an_unknown_state_is_refused(self, queue):
        add(queue, "a", "b")
        plant(queue, "a", state="$(reboot)")
        with pytest.raises(QueueError, match=r"'a' of the queue is no job: \['state'\]"):
            queue.find("a")
        assert claim(queue).job.id == "b"

    def test_a_hostile_id_or_owner_is_only_a_value(self, queue):
        hostile = "'; drop table jobs; --"
        queue.add(new_job(hostile, owner=hostile))
        assert queue.find(hostile).owner == hostile
        assert ids(queue.page(hostile, cursor=None, limit=9).jobs) == [hostile]
        assert queue.page("%", cursor=None, limit=9).jobs == ()

    def test_a_lone_surrogate_is_refused(self, queue):
        with pytest.raises(QueueError):
            queue.add(new_job("a", work="\udcff"))
        assert queue.load().jobs == 0


class TestSqlite:
    @pytest.fixture
    def path(self, tmp_path):
        return tmp_path / "queue.db"

    @pytest.fixture
    def queue(self, path):
        queue = open_queue(f"sqlite:///{path}")
        yield queue
        queue.engine.dispose()

    def test_only_its_user_can_read_a_new_queue(self, tmp_path, queue):
        add(queue, "a")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        assert modes == dict.fromkeys(("queue.db", "queue.db-wal", "queue.db-shm"), 0o600)

    def test_an_accepted_job_is_flushed_to_the_disk(self, queue):
        with writing(queue.engine) as connection:
            settings = [connection.execute(text(f"pragma {name}")).scalar() for name in ("journal_mode", "synchronous")]
        assert settings == ["wal", 2]  # 2 is FULL: sqlite.org/pragma.html#pragma_synchronous

    def test_bytes_in_any_column_are_refused(self, queue):
        for column in (*TEXTS, *NUMBERS):
            add(queue, column)
            plant(queue, column, **{column: PICKLE})
            with pytest.raises(QueueError, match=rf"no job: \['{column}'\]"):
                queue.find(column)

    def test_a_missing_value_is_refused(self, queue):
        add(queue, "a")
        with queue.engine.begin() as connection:  # a table without constraints, as another program could write it
            connection.execute(text("alter table jobs rename to old"))
            connection.execute(text("create table jobs as select * from old"))
        plant(queue, "a", owner=None)
        with pytest.raises(QueueError, match=r"no job: \['owner'\]"):
            queue.find("a")

    def test_text_in_a_column_of_numbers_is_refused(self, queue):
        for column in NUMBERS:
            add(queue, column)
            plant(queue, column, **{column: PICKLE.decode()})
            with pytest.raises(QueueError, match=rf"no job: \['{column}'\]"):
                queue.find(column)

    def test_bytes_in_a_column_of_truths_are_only_a_truth(self, queue):
        add(queue, "a")
        plant(queue, "a", cancel_requested=PICKLE)
        assert queue.find("a").cancel_requested is True

    def test_reading_does_not_wait_for_a_writer(self, queue):
        add(queue, "a")
        with writing(queue.engine):
            assert queue.find("a").id == "a"
            assert queue.load().jobs == 1
            assert ids(queue.page("kai", cursor=None, limit=9).jobs) == ["a"]

    def test_a_queue_that_is_locked_for_too_long_is_an_error_with_a_hint(self, queue, path):
        impatient = open_queue_impatiently(path)
        with writing(queue.engine), pytest.raises(QueueError, match="locked") as refused:
            impatient.check()
        assert "other programs" in refused.value.hint

    def test_a_full_disk_is_an_error_with_a_hint(self, queue):
        add(queue, "a")
        with queue.engine.connect() as connection:
            connection.execute(text("pragma max_page_count = 1"))  # SQLite then reports what a full disk causes
            connection.commit()
        with pytest.raises(QueueError, match="full") as refused:
            queue.add(new_job("large", work="x" * 1_000_000))
        assert "space" in refused.value.hint
        assert queue.find("a").id == "a"

    @pytest.mark.parametrize("content", [b"no database at all" * 500, b"SQLite format 3\0" + b"\xff" * 9000])
    def test_a_file_that_is_no_database_is_an_error_with_a_hint(self, path, content):
        path.write_bytes(content)
        with pytest.raises(QueueError) as refused:
            open_database(f"sqlite:///{path}")
        assert "restore" in refused.value.hint

    def test_a_queue_in_a_folder_that_does_not_exist_is_an_error(self, tmp_path):
        with pytest.raises(Exception, match="No such file") as refused:
            open_database(f"sqlite:///{tmp_path}/missing/queue.db")
        assert refused.value.hint

    def test_a_queue_that_cannot_be_written_is_not_ready(self, queue, path):
        with queue.engine.connect() as connection:
            connection.execute(text("pragma query_only = 1"))
            connection.rollback()
        with pytest.raises(QueueError, match="readonly") as refused:
            queue.check()
        assert "owns" in refused.value.hint

    def test_another_program_can_open_the_file(self, queue, path):
        add(queue, "a")
        with sqlite3.connect(path) as connection:
            assert connection.execute("select id, state from jobs").fetchall() == [("a", "queued")]


def open_queue_impatiently(path):
    queue = open_queue("sqlite://" + f"/{path}")
    object.__setattr__(queue, "engine", open_database(f"sqlite:///{path}", busy_seconds=0.05))
    return queue


SECRET = "geheim-47"


class TestAddresses:
    @pytest.mark.parametrize(
        "url",
        [
            f"mysql://user:{SECRET}@host/name",
            f"sqlite+pysqlcipher://:{SECRET}@/queue.db",
            f"postgresql://user:{SECRET}@host:port/name",
            f"postgresql://user:p@{SECRET}@host/name",
            f"postgresql+asyncpg://user:{SECRET}@host/name",
            f"://{SECRET}",
            "sqlite://",
            "sqlite:///:memory:",
            "",
        ],
    )
    def test_another_address_is_refused_without_showing_its_password(self, url):
        with pytest.raises(QueueError) as refused:
            open_database(url)
        assert SECRET not in f"{refused.value} {refused.value.hint}"
        assert "sqlite:///" in refused.value.hint

    @pytest.mark.parametrize(
        "url",
        [
            f"postgresql://user:{SECRET}@127.0.0.1:1/name",
            f"postgres://user:{SECRET}@127.0.0.1:1/name",
            f"postgresql://user@127.0.0.1:1/name?password={SECRET}",
            f"postgresql://user:{SECRET}@127.0.0.1:1/name?unknown_option=1",
            f"postgresql://user:{SECRET}@host.invalid/name",
        ],
    )
    def test_a_refused_connection_is_an_error_without_the_password(self, url):
        pytest.importorskip("psycopg")
        with pytest.raises(QueueError) as refused:
            open_database(url)
        shown = f"{refused.value} {refused.value.hint} {refused.value.__cause__}"
        assert SECRET not in shown
        assert refused.value.hint

    def test_an_error_does_not_show_the_values_of_a_job(self, queue):
        with queue.engine.begin() as connection:
            if connection.dialect.name == "postgresql":  # it shows the row that failed, as a detail
                connection.execute(text("alter table jobs add constraint never check (false)"))
            else:
                connection.execute(text("drop table jobs"))
        with pytest.raises(QueueError) as refused:
            queue.add(new_job("a", work=SECRET, owner=SECRET))
        assert SECRET not in "".join(traceback.format_exception(refused.value))

    def test_the_log_does_not_show_the_values_of_a_job(self, database_url, caplog):
        with caplog.at_level(logging.INFO, logger="sqlalchemy.engine"):
            open_queue(database_url).add(new_job("a", work=SECRET, owner=SECRET))
        assert "INSERT INTO jobs" in caplog.text
        assert SECRET not in caplog.text


def test_the_longest_wait_is_that_of_the_oldest_queued_job(queue, clock):
    assert queue.longest_wait() == 0
    for job_id in ("first", "second"):
        queue.add(new_job(job_id))
        clock.now += 10
    assert queue.longest_wait() == 20
    claim(queue)
    assert queue.longest_wait() == 10


def test_a_crashed_job_is_one_that_failed_in_its_last_attempt(queue):
    queue.add(new_job("crashes"))
    for crashes in range(queue.max_attempts):
        assert queue.crashed_jobs() == 0, crashes
        queue.crashed(claim(queue), CRASH)
    queue.add(new_job("fails"))
    queue.fail(claim(queue), FAILURE)
    assert queue.crashed_jobs() == 1


def test_a_job_whose_servers_died_too_often_counts_as_crashed(queue):
    queue.add(new_job("interrupted"))
    for _ in range(queue.max_interruptions):
        assert queue.crashed_jobs() == 0
        claim(queue)
        queue.release("box")
    assert queue.crashed_jobs() == 1
