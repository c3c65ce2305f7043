"""The answers of `/v1/jobs`."""

from datetime import datetime, timezone

from pydantic import BaseModel, Field

from diarize_runner.service.queue.job import Job, JobState
from diarize_runner.service.shapes.parts import EXAMPLE_ID, Warnings
from diarize_runner.service.work import TASKS, WorkLabel


class Failure(BaseModel):
    """Why a job failed."""

    detail: str = Field(examples=["3 attempts crashed on it"])
    hint: str = Field(default="", examples=["if memory ran out, cut the recording, or use a box with more memory"])


class JobDocument(BaseModel):
    """A job."""

    id: str = Field(examples=[EXAMPLE_ID])
    task: str = Field(description=f"One of: {', '.join(TASKS)}.", examples=["diarize"])
    name: str = Field(description="The name of the uploaded file.", examples=["call.wav"])
    state: JobState
    stage: str = Field(description="What a running job is doing, such as `embeddings`.", examples=["embeddings"])
    progress: float = Field(description="Of the job, from 0 to 1.", ge=0, le=1, examples=[0.5])
    audio_seconds: float = Field(examples=[69.2])
    created_at: datetime = Field(examples=["2026-11-30T02:00:00Z"])
    started_at: datetime | None = Field(default=None, examples=["2026-11-30T02:00:01Z"])
    finished_at: datetime | None = Field(default=None, examples=["2026-11-30T02:00:24Z"])
    processing_seconds: float | None = Field(default=None, description="Once it has succeeded.", examples=[23.4])
    attempts: int = Field(description="Runs of the model; after three that crash, the job fails.", examples=[1])
    failure: Failure | None = None
    links: dict[str, str] = Field(
        description="`self`, `events`, and `result` once it has succeeded.",
        examples=[{"self": f"/v1/jobs/{EXAMPLE_ID}", "events": f"/v1/jobs/{EXAMPLE_ID}/events"}],
    )
    warnings: Warnings = Field(default_factory=list)

    @classmethod
    def of(cls, job: Job, warnings: tuple[str, ...] = ()) -> "JobDocument":
        """Return the document of a job."""
        label = WorkLabel.read(job.work)
        return cls(
            id=job.id,
            task=label.task,
            name=label.name,
            state=job.state,
            stage=job.stage,
            progress=round(job.progress, 4),
            audio_seconds=round(job.audio_seconds, 3),
            created_at=_moment(job.created_at),
            started_at=_moment(job.started_at) if job.started_at else None,
            finished_at=_moment(job.finished_at) if job.finished_at else None,
            processing_seconds=round(job.processing_seconds, 3) if job.processing_seconds is not None else None,
            attempts=job.attempts,
            failure=Failure(detail=job.failure.message, hint=job.failure.hint) if job.failure else None,
            links=_links(job),
            warnings=list(warnings),
        )


class JobPage(BaseModel):
    """Jobs, newest first."""

    jobs: list[JobDocument]
    next_cursor: str | None = Field(
        description="Send it as `cursor` for the next page; null on the last one.", examples=[None]
    )


class JobProgress(BaseModel):
    """The data of an event."""

    state: JobState
    stage: str
    progress: float

    @classmethod
    def of(cls, job: Job) -> "JobProgress":
        """Return the progress of a job."""
        return cls(state=job.state, stage=job.stage, progress=round(job.progress, 4))


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=timezone.utc)


def _links(job: Job) -> dict[str, str]:
    own = f"/v1/jobs/{job.id}"
    result = {"result": f"{own}/result"} if job.state == "succeeded" else {}
    return {"self": own, "events": f"{own}/events", **result}
