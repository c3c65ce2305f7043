"""Jobs in a database: added once, claimed by one worker at a time, ended once."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, get_args

from sqlalchemy import ColumnElement, Connection, Engine, and_, case, delete, func, insert, select, tuple_, update

from diarize_runner.errors import IdempotencyConflict, LeaseLost, QueueError
from diarize_runner.service.queue.database import insert_new, reading, require_writable, writing
from diarize_runner.service.queue.deliveries import add_delivery, remove_delivery
from diarize_runner.service.queue.job import FINAL_STATES, Claim, Job, JobFailure, JobState, NewJob, Page, QueueLoad
from diarize_runner.service.queue.table import FOLDER, JOBS, SCHEMA, failure_values, to_job
from diarize_runner.service.work import VERSION

_AT_REST: Final[dict[str, Any]] = {"box": None, "lease": None, "lease_until": None}
_FRESH: Final[dict[str, Any]] = {**_AT_REST, "started_at": None, "stage": "", "progress": 0.0}
_QUEUED: Final = JOBS.c.state == "queued"
_RUNNING: Final = JOBS.c.state == "running"
_AGE: Final = (JOBS.c.created_at, JOBS.c.id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Queue:
    """A queue. Each method is one transaction, and raises QueueError if the database fails.

    Any number of processes and threads may use it. Boxes that share one need clocks that agree within seconds.
    """

    engine: Engine
    clock: Callable[[], float] = time.time
    lease_seconds: float = 30.0
    max_attempts: int = 3
    max_interruptions: int = 20
    work_version: int = VERSION
    """The newest version of `Work` that this release knows."""

    def add(self, new: NewJob) -> Job:
        """Add a job, or return the one that its owner added with the same idempotency key and digest.

        Raises:
            IdempotencyConflict: that one has another digest.
        """
        same_key = and_(JOBS.c.owner == new.owner, JOBS.c.idempotency_key == new.idempotency_key)
        values = {**asdict(new), "state": "queued", "created_at": self.clock()}
        webhook_url = values.pop("webhook_url")
        with writing(self.engine) as connection:
            if insert_new(connection, JOBS, values):
                if webhook_url is not None:
                    add_delivery(connection, new.id, webhook_url)
                return _read(connection, new.id)
            found = connection.execute(select(JOBS).where(same_key)).mappings().first()
        if found is None or new.idempotency_key is None:
            raise QueueError(f"the queue has a job {new.id} already", hint="use a new id")
        if found["request_digest"] != new.request_digest:
            raise IdempotencyConflict("the idempotency key belongs to another request", hint="use a new key")
        return to_job(found)

    def find(self, job_id: str) -> Job | None:
        """Return a job, or None."""
        with reading(self.engine) as connection:
            row = connection.execute(select(JOBS).where(JOBS.c.id == job_id)).mappings().first()
        return to_job(row) if row is not None else None

    def known(self, job_ids: Sequence[str]) -> frozenset[str]:
        """Return those of `job_ids` that the queue has."""
        with reading(self.engine) as connection:
            return frozenset(connection.scalars(select(JOBS.c.id).where(JOBS.c.id.in_(job_ids))))

    def folder(self) -> str | None:
        """Return the id of the folder that has the files of the jobs; None for a new queue."""
        with reading(self.engine) as connection:
            return connection.scalar(select(FOLDER.c.id))

    def bind(self, folder: str) -> str:
        """Return the id of the folder that has the files of the jobs: `folder`, unless there was one before."""
        with writing(self.engine) as connection:
            connection.execute(select(SCHEMA.c.version).with_for_update())  # one box at a time
            if found := connection.scalar(select(FOLDER.c.id)):
                return str(found)
            connection.execute(insert(FOLDER).values(id=folder))
            return folder

    def page(self, owner: str, *, cursor: str | None, limit: int, state: JobState | None = None) -> Page:
        """Return at most `limit` jobs of the owner, newest first, after `cursor`. Raises InvalidCursor."""
        query = select(JOBS).where(JOBS.c.owner == owner).order_by(*(column.desc() for column in _AGE))
        query = query.where(tuple_(*_AGE) < tuple_(*Page.decode_cursor(cursor))) if cursor is not None else query
        query = query.where(JOBS.c.state == state) if state is not None else query
        with reading(self.engine) as connection:
            jobs = [to_job(row) for row in connection.execute(query.limit(limit + 1)).mappings()]
        return Page(jobs=tuple(jobs[:limit]), next_cursor=jobs[limit - 1].cursor if len(jobs) > limit else None)

    def load(self, owner: str | None = None) -> QueueLoad:
        """Return how much waits or runs, of one owner or of all."""
        query = select(func.count(), func.coalesce(func.sum(JOBS.c.audio_seconds), 0.0)).where(_QUEUED | _RUNNING)
        with reading(self.engine) as connection:
            jobs, seconds = connection.execute(query if owner is None else query.where(JOBS.c.owner == owner)).one()
        return QueueLoad(jobs=jobs, audio_seconds=seconds)

    def counts(self) -> Mapping[JobState, int]:
        """Return the number of jobs in each state."""
        with reading(self.engine) as connection:
            found = connection.execute(select(JOBS.c.state, func.count()).group_by(JOBS.c.state)).all()
        return {state: sum(row[1] for row in found if row[0] == state) for state in get_args(JobState)}

    def longest_wait(self) -> float:
        """Return how long the oldest queued job has waited, in seconds; 0 if none is queued."""
        with reading(self.engine) as connection:
            oldest = connection.scalar(select(func.min(JOBS.c.created_at)).where(_QUEUED))
        return max(0.0, self.clock() - oldest) if oldest is not None else 0.0

    def crashed_jobs(self) -> int:
        """Return the number of jobs that failed in their last attempt, after earlier ones had crashed."""
        worn_out = (JOBS.c.attempts >= self.max_attempts) | (JOBS.c.interruptions >= self.max_interruptions)
        with reading(self.engine) as connection:
            return connection.scalar(select(func.count()).where(JOBS.c.state == "failed", worn_out)) or 0

    def claim(self, box: str, *, model: str | None, sticky_since: float) -> Claim | None:
        """Claim a job for `box`, or return None if none is queued that this release can do.

        It is the oldest job of `model`, which the box has loaded, unless a job of any model was added before
        `sticky_since`: then it is the oldest job, so that every job gets its turn.
        """
        urgency = case((JOBS.c.created_at < sticky_since, 0), (JOBS.c.model == model, 1), else_=2)
        known = JOBS.c.work_version <= self.work_version
        oldest = select(JOBS.c.id).where(_QUEUED, known).order_by(urgency, *_AGE).limit(1)
        lease, now = secrets.token_hex(16), self.clock()
        held = {"box": box, "lease": lease, "lease_until": now + self.lease_seconds}
        started = {**_FRESH, **held, "state": "running", "started_at": now, "attempts": JOBS.c.attempts + 1}
        with writing(self.engine) as connection:
            self._interrupt(connection, JOBS.c.lease_until < now)
            if (job_id := connection.scalar(oldest.with_for_update(skip_locked=True))) is None:
                return None
            connection.execute(update(JOBS).where(JOBS.c.id == job_id).values(started))
            return Claim(job=_read(connection, job_id), lease=lease)

    def renew(self, claim: Claim, *, stage: str, progress: float) -> Job:
        """Extend the lease and store the progress; return the job as it is now. Raises LeaseLost."""
        furthest = case((JOBS.c.progress < progress, progress), else_=JOBS.c.progress)
        until = self.clock() + self.lease_seconds
        return self._change(claim, {"stage": stage, "progress": furthest, "lease_until": until})

    def succeed(self, claim: Claim, *, result: str, processing_seconds: float) -> None:
        """End the job with the name of its result. Raises LeaseLost."""
        self._end(claim, "succeeded", {"result": result, "processing_seconds": processing_seconds, "progress": 1.0})

    def fail(self, claim: Claim, failure: JobFailure) -> None:
        """End the job with an error. Raises LeaseLost."""
        self._end(claim, "failed", failure_values(failure))

    def cancelled(self, claim: Claim) -> None:
        """End the job, as its owner requested. Raises LeaseLost."""
        self._end(claim, "cancelled", {})

    def crashed(self, claim: Claim, failure: JobFailure) -> None:
        """Put the job back after the model process died, or end it after too many such attempts. Raises LeaseLost."""
        if claim.job.attempts < self.max_attempts:
            self._change(claim, self._back())
            return
        message = f"{claim.job.attempts} attempts crashed; the last: {failure.message}"
        self.fail(claim, JobFailure(kind="PipelineError", message=message, hint=failure.hint))

    def give_back(self, claim: Claim) -> None:
        """Put the job back, as if it had not been claimed. Raises LeaseLost."""
        self._change(claim, {**self._back(), "attempts": JOBS.c.attempts - 1})

    def release(self, box: str) -> None:
        """Put back what a box ran when it died. Only the box itself may call it, before it claims anything."""
        with writing(self.engine) as connection:
            self._interrupt(connection, JOBS.c.box == box)

    def cancel(self, job_id: str) -> Job | None:
        """Cancel a queued job, or ask the worker of a running one to; return the job as it is now, or None."""
        state = case((_QUEUED, "cancelled"), else_=JOBS.c.state)
        finished_at = case((_QUEUED, self.clock()), else_=None)
        values = {"state": state, "finished_at": finished_at, "cancel_requested": True}
        with writing(self.engine) as connection:
            connection.execute(update(JOBS).where(JOBS.c.id == job_id, _QUEUED | _RUNNING).values(values))
        return self.find(job_id)

    def remove(self, job_id: str) -> None:
        """Delete a job's row, and its webhook if that is not delivered."""
        with writing(self.engine) as connection:
            remove_delivery(connection, job_id)
            connection.execute(delete(JOBS).where(JOBS.c.id == job_id))

    def finished_before(self, finished_at: float, limit: int) -> tuple[str, ...]:
        """Return the ids of at most `limit` jobs that ended before `finished_at`, oldest first."""
        ended = and_(JOBS.c.state.in_(FINAL_STATES), JOBS.c.finished_at < finished_at)
        with reading(self.engine) as connection:
            return tuple(connection.scalars(select(JOBS.c.id).where(ended).order_by(JOBS.c.finished_at).limit(limit)))

    def check(self) -> None:
        """Raise QueueError if the database cannot be written."""
        with writing(self.engine) as connection:
            require_writable(connection)

    def _end(self, claim: Claim, state: JobState, values: Mapping[str, Any]) -> None:
        self._change(claim, {**_AT_REST, "state": state, "finished_at": self.clock(), **values})

    def _change(self, claim: Claim, values: Mapping[str, Any]) -> Job:
        held = and_(JOBS.c.id == claim.job.id, JOBS.c.lease == claim.lease)  # only a running job has a lease
        with writing(self.engine) as connection:
            if not connection.execute(update(JOBS).where(held).values(values)).rowcount:
                raise LeaseLost(f"job {claim.job.id} ended, or another worker has it", hint="discard the result")
            return _read(connection, claim.job.id)

    def _interrupt(self, connection: Connection, condition: ColumnElement[bool]) -> None:
        """Put back running jobs whose server died. An attempt counts only if the model process died by itself."""
        found = select(JOBS.c.id).where(_RUNNING, condition).with_for_update(skip_locked=True)
        counted = {"attempts": JOBS.c.attempts - 1, "interruptions": JOBS.c.interruptions + 1}
        if job_ids := connection.scalars(found).all():
            connection.execute(update(JOBS).where(JOBS.c.id.in_(job_ids)).values({**self._back(), **counted}))
            worn_out = and_(JOBS.c.id.in_(job_ids), _QUEUED, JOBS.c.interruptions >= self.max_interruptions)
            message = f"the server died {self.max_interruptions} times while it ran"
            failure = JobFailure(kind="PipelineError", message=message, hint="see the log of the server")
            ended = {"state": "failed", "finished_at": self.clock(), **failure_values(failure)}
            connection.execute(update(JOBS).where(worn_out).values(ended))

    def _back(self) -> dict[str, Any]:
        """Return the values of a running job that stops: it is queued, or cancelled if its owner requested that."""
        state = case((JOBS.c.cancel_requested, "cancelled"), else_="queued")
        return {**_FRESH, "state": state, "finished_at": case((JOBS.c.cancel_requested, self.clock()), else_=None)}


def _read(connection: Connection, job_id: str) -> Job:
    return to_job(connection.execute(select(JOBS).where(JOBS.c.id == job_id)).mappings().one())
