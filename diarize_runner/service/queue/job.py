"""The values of the queue."""

import base64
from dataclasses import dataclass
from typing import Final, Literal

from diarize_runner.errors import InvalidCursor
from diarize_runner.service.work import VERSION

JobState = Literal["queued", "running", "succeeded", "failed", "cancelled"]
FINAL_STATES: Final[tuple[JobState, ...]] = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True, kw_only=True, slots=True)
class NewJob:
    """A job to add."""

    id: str
    owner: str
    """The name of the API key that submitted it; empty without keys."""
    work: str
    """A document of `Work.encode`."""
    model: str
    """What must be loaded for it; jobs with the same value run in a row."""
    audio_seconds: float
    work_version: int = VERSION
    """Of `work`: a worker of an older release leaves the job to others."""
    idempotency_key: str | None = None
    request_digest: str = ""
    """Of the upload and the options; the same idempotency key with another digest is an error."""
    webhook_url: str | None = None
    """What gets a request when the job has ended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JobFailure:
    """Why a job failed."""

    kind: str
    """The name of an error in `diarize_runner.errors`."""
    message: str
    hint: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A job, as the queue has it. Times are seconds since 1970."""

    id: str
    owner: str
    work: str
    model: str
    audio_seconds: float
    state: JobState
    created_at: float
    started_at: float | None = None
    finished_at: float | None = None
    stage: str = ""
    """What a running job is doing, such as `embeddings`."""
    progress: float = 0.0
    """From 0 to 1; it never decreases within an attempt."""
    attempts: int = 0
    """Attempts that ended with the death of the model process, and the one that runs."""
    interruptions: int = 0
    """Attempts that ended with the death of the server; an orderly stop does not count."""
    cancel_requested: bool = False
    failure: JobFailure | None = None
    result: str | None = None
    """The name of the result folder; None unless it succeeded."""
    processing_seconds: float | None = None

    @property
    def is_final(self) -> bool:
        """Whether its state changes no more."""
        return self.state in FINAL_STATES

    @property
    def cursor(self) -> str:
        """The cursor of a page that goes on after this job."""
        return base64.urlsafe_b64encode(f"{self.created_at!r} {self.id}".encode()).decode()


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A job that a worker has; no other worker has it until the lease expires."""

    job: Job
    lease: str
    """A random name of this claim."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueLoad:
    """How much waits or runs."""

    jobs: int
    audio_seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A page of a listing, newest first."""

    jobs: tuple[Job, ...]
    next_cursor: str | None

    @staticmethod
    def decode_cursor(cursor: str) -> tuple[float, str]:
        """Return `created_at` and `id` of the job that has this cursor. Raises InvalidCursor."""
        try:
            created_at, job_id = base64.b64decode(cursor, altchars=b"-_", validate=True).decode().split(" ", 1)
            if job_id.isprintable():  # PostgreSQL refuses NUL
                return float(created_at), job_id
        except ValueError:
            pass
        raise InvalidCursor("the cursor of the page is invalid", hint="use the cursor of the page before, or none")
