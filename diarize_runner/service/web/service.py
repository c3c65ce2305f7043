"""What the endpoints share: the parts of the running service, and how a request waits for its job."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, BinaryIO, Final, Protocol

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

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

_POLL_SECONDS: Final = 1.0
_NO_JOB: Final = ProblemKind(slug="job-not-found", status=404, title="There is no such job")
_FAILED: Final = ProblemKind(slug="job-failed", status=422, title="The job failed")
_CANCELLED: Final = ProblemKind(slug="job-cancelled", status=409, title="The job was cancelled")
_UNFINISHED: Final = ProblemKind(slug="job-not-finished", status=409, title="The job is not finished")
_STILL_RUNNING: Final = ProblemKind(slug="still-running", status=504, title="The job is still running")
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
    clock: Callable[[], float]
    """Seconds since 1970."""

    async def submit(self, submission: Submission, upload: BinaryIO, transcript: BinaryIO | None = None) -> Accepted:
        """Accept an upload without blocking other requests; raises as `Intake.accept` does."""
        return await run_in_threadpool(self.intake.accept, submission, upload, transcript)

    async def find(self, job_id: str, owner: str) -> Job:
        """Return a job; raise the 404 of one that does not exist, or is of another key."""
        job = await run_in_threadpool(self.queue.find, job_id)
        if job is None or job.owner != owner:
            raise no_job()
        return job

    async def cancel(self, job: Job) -> Job:
        """Cancel a job, unless it has ended."""
        cancelled = await run_in_threadpool(self.queue.cancel, job.id)
        self.workers.cancel(job.id)
        self.changes.notify(job.id)
        return cancelled or job

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
            Problem: it takes longer than a request may. The job goes on, or ends with a client that went away.
        """
        deadline = self.clock() + self.settings.limits.sync_seconds
        while not job.is_final:
            if await request.is_disconnected():
                await self.remove(job)
                raise Problem(_CLIENT_GONE, "the job was removed")
            if self.clock() >= deadline:
                raise _too_slow(job, self.settings.limits.sync_seconds)
            await self.changes.wait(job.id, _POLL_SECONDS)
            job = await self.find(job.id, job.owner)
        return job

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


def no_job() -> Problem:
    """Return the problem of a job that a key has not."""
    return Problem(_NO_JOB, "your key has no job with this id", hint="ended jobs are deleted after a time")


def unsuccessful(job: Job) -> Problem:
    """Return the problem of a job whose result was requested."""
    if job.failure:
        return Problem(_FAILED, without_folders(job.failure.message), hint=without_folders(job.failure.hint))
    if job.state == "cancelled":
        return Problem(_CANCELLED, "a cancelled job has no result", hint="submit the recording again")
    return Problem(_UNFINISHED, f"the job is {job.state}", hint="ask again when it has succeeded")


def _too_slow(job: Job, seconds: float) -> Problem:
    detail = f"the job is not finished after {seconds:g} s; it goes on"
    hint = f"ask for /v1/jobs/{job.id}, or submit long recordings to /v1/jobs"
    return Problem(_STILL_RUNNING, detail, hint=hint, extra={"job": job.id})
