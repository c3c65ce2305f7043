"""What the endpoints share: the parts of the running service, and how a request waits for its job."""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from typing import Annotated, BinaryIO, Final, Protocol

from anyio import to_thread
from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from diarize_runner.errors import QueueError
from diarize_runner.service.catalog import Catalog
from diarize_runner.service.folder import ServiceFolder
from diarize_runner.service.intake import Accepted, Intake, Submission
from diarize_runner.service.queue.job import Job
from diarize_runner.service.queue.queue import Queue
from diarize_runner.service.results import FinishedJob
from diarize_runner.service.settings import Settings
from diarize_runner.service.web.changes import Changes
from diarize_runner.service.web.metrics import Metrics
from diarize_runner.service.web.problems import Problem, ProblemKind, without_folders
from diarize_runner.service.web.rates import too_many_uploads
from diarize_runner.service.web.shared_check import SharedCheck
from diarize_runner.service.webhooks.allowed import NO_WEBHOOKS, Webhooks

NOT_READY: Final = ProblemKind(slug="not-ready", status=503, title="The server takes no jobs now")
_POLL_SECONDS: Final = 1.0
"""How often to ask the queue for a change that the worker of another box made."""
_RETRY_SECONDS: Final = "60"
"""While no job can run: the longest wait of the workers before they try again."""
_NO_JOB: Final = ProblemKind(slug="job-not-found", status=404, title="There is no such job")
_FAILED: Final = ProblemKind(slug="job-failed", status=422, title="The job failed")
_CANCELLED: Final = ProblemKind(slug="job-cancelled", status=409, title="The job was cancelled")
_UNFINISHED: Final = ProblemKind(slug="job-not-finished", status=409, title="The job is not finished")
_STILL_RUNNING: Final = ProblemKind(slug="still-running", status=504, title="The job is still running")
_STOPPING: Final = ProblemKind(slug="stopping", status=503, title="The server stops")
_RESTART_SECONDS: Final = "30"
_CLIENT_GONE: Final = ProblemKind(slug="client-gone", status=499, title="The client closed the connection")


class Workers(Protocol):
    """The workers of this box."""

    @property
    def is_alive(self) -> bool:
        """Whether they still claim jobs."""

    @property
    def is_loaded(self) -> bool:
        """Whether a model is loaded."""

    @property
    def model_process(self) -> int | None:
        """The id of the process that holds the models; None if there is none."""

    @property
    def device(self) -> str:
        """The device: `cuda`, `cpu`, or `auto` before the first model was loaded."""

    @property
    def problem(self) -> str | None:
        """Why no job runs; None if jobs can run."""

    def cancel(self, job_id: str) -> None:
        """Stop a job that runs here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """The parts of the running service."""

    settings: Settings
    folder: ServiceFolder
    queue: Queue
    intake: Intake
    catalog: Catalog
    workers: Workers
    changes: Changes
    metrics: Metrics
    webhooks: Webhooks = NO_WEBHOOKS
    readiness: SharedCheck = field(default_factory=SharedCheck)
    """It writes to the queue."""

    async def submit(self, submission: Submission, upload: BinaryIO, transcript: BinaryIO | None = None) -> Accepted:
        """Accept an upload without blocking other requests; raises as `Intake.accept` does.

        Uploads that wait to be decoded hold none of the threads that other requests use. They have given their slots
        back, so there is a bound of its own: their files must not fill the disk.
        """
        decoders, most = self.intake.decoders, self.settings.limits.waiting_uploads
        if decoders.statistics().tasks_waiting >= most:
            raise too_many_uploads(f"{most} uploads wait to be decoded")
        return await to_thread.run_sync(self.intake.accept, submission, upload, transcript, limiter=decoders)

    async def find(self, job_id: str, owner: str) -> Job:
        """Return a job; raise the 404 of one that does not exist, or is of another key."""
        job = await run_in_threadpool(self.queue.find, job_id)
        if job is None or job.owner != owner:
            raise no_job()
        return public(job)

    async def cancel(self, job: Job) -> Job:
        """Cancel a job, unless it has ended."""
        cancelled = await run_in_threadpool(self.queue.cancel, job.id)
        self.workers.cancel(job.id)
        self.changes.notify(job.id)
        return public(cancelled or job)

    async def remove(self, job: Job) -> None:
        """Cancel a job, and remove its upload, result and row."""
        if not job.is_final:
            await self.cancel(job)
        await run_in_threadpool(self.queue.remove, job.id)
        await run_in_threadpool(self.folder.remove_job, job.id)
        self.changes.notify(job.id)

    async def wait(self, job: Job, request: Request) -> Job:
        """Return the job when it has ended.

        Raises:
            Problem: it takes longer than a request may, or the server stops; the job goes on. Or no job can run now,
                or the client went away; the job is removed.
        """
        deadline = time.monotonic() + self.settings.limits.sync_seconds
        async with aclosing(self.follow(job)) as states:
            async for state in states:
                job = state
                if not job.is_final:
                    await self._require_worth_waiting(job, request, deadline)
        if not job.is_final:
            raise _stopping(job)
        return job

    async def follow(self, job: Job) -> AsyncGenerator[Job, None]:
        """Yield the job as it is, now and after each change, until it has ended or the server stops.

        While the queue cannot be reached, the job is yielded as it was. Raises the 404 of a deleted one.
        """
        with self.changes.watching(job.id) as watch:
            while True:
                with suppress(QueueError):
                    job = await self.find(job.id, job.owner)
                yield job
                if job.is_final or self.changes.is_closed:
                    return
                await watch.wait(_POLL_SECONDS)

    async def _require_worth_waiting(self, job: Job, request: Request, deadline: float) -> None:
        if await request.is_disconnected():
            await self.remove(job)
            raise Problem(_CLIENT_GONE, "the job was removed")
        if job.state == "queued" and (reason := self.workers.problem):
            await self.remove(job)
            raise not_ready(reason)
        if time.monotonic() >= deadline:
            raise _too_slow(job, self.settings.limits.sync_seconds)

    def result_of(self, job: Job) -> FinishedJob:
        """Return the result of a job that has ended; raise the problem of one that did not succeed."""
        if job.state != "succeeded" or job.result is None:
            raise unsuccessful(job)
        return FinishedJob(
            folder=self.folder.job(job.id).result(job.result),
            audio_seconds=job.audio_seconds,
            processing_seconds=job.processing_seconds or 0.0,
        )


def service_of(request: Request) -> Service:
    """Return the service of the application."""
    service: Service = request.app.state.service
    return service


def owner_of(request: Request) -> str:
    """Return the name of the key that a request carries; empty without keys."""
    owner: str = request.state.owner
    return owner


RunningService = Annotated[Service, Depends(service_of)]
Owner = Annotated[str, Depends(owner_of)]


async def found_job(service: RunningService, owner: Owner, job_id: str) -> Job:
    """Return the job that a path names; raise the 404 of one that does not exist, or is of another key."""
    return await service.find(job_id, owner)


def public(job: Job) -> Job:
    """Return the job with a failure that tells of no folder of this machine."""
    if job.failure is None:
        return job
    message, hint = without_folders(job.failure.message), without_folders(job.failure.hint)
    return replace(job, failure=replace(job.failure, message=message, hint=hint))


def no_job() -> Problem:
    """Return the problem of a job that a key has not."""
    return Problem(_NO_JOB, "your key has no job with this id", hint="ended jobs are deleted after a time")


def unsuccessful(job: Job) -> Problem:
    """Return the problem of a job whose result was requested."""
    if job.failure:
        return Problem(_FAILED, job.failure.message, hint=job.failure.hint or "submit the recording again")
    if job.state == "cancelled":
        return Problem(_CANCELLED, "a cancelled job has no result", hint="submit the recording again")
    return Problem(_UNFINISHED, f"the job is {job.state}", hint="ask again when it has succeeded")


def not_ready(reason: str) -> Problem:
    """Return the problem of a server whose workers can run no job."""
    hint = "try again later, or submit the recording to /v1/jobs, where it waits"
    return Problem(NOT_READY, without_folders(reason), hint=hint, headers={"Retry-After": _RETRY_SECONDS})


def _stopping(job: Job) -> Problem:
    hint = f"ask for /v1/jobs/{job.id} when the server runs again"
    detail = "the server stops; the job goes on when it starts again"
    return Problem(_STOPPING, detail, hint=hint, headers={"Retry-After": _RESTART_SECONDS}, extra={"job": job.id})


def _too_slow(job: Job, seconds: float) -> Problem:
    detail = f"the job is not finished after {seconds:g} s; it goes on"
    link = f"/v1/jobs/{job.id}"
    hint = f"ask for {link}, or submit long recordings to /v1/jobs"
    return Problem(_STILL_RUNNING, detail, hint=hint, headers={"Location": link}, extra={"job": link})
