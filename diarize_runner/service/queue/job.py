"""The values of the queue."""

from dataclasses import dataclass
from typing import Final, Literal

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
    idempotency_key: str | None = None
    request_digest: str = ""
    """Of the upload and the options; the same idempotency key with another digest is an error."""


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
    """Attempts that ended with the death, or the orderly stop, of the server."""
    cancel_requested: bool = False
    failure: JobFailure | None = None
    result: str | None = None
    """The name of the result folder; None unless it succeeded."""
    processing_seconds: float | None = None

    @property
    def is_final(self) -> bool:
        """Whether its state changes no more."""
        return self.state in FINAL_STATES


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
