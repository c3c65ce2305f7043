"""The answers of `/api/v1/diarize/file` and `/api/v1/queue`."""

from pydantic import BaseModel, Field

from diarize_runner.service.queue.job import Job, JobState
from diarize_runner.service.results import FinishedJob
from diarize_runner.service.shapes.parts import EXAMPLE_ID, Warnings


class Turn(BaseModel):
    """One speaker speaking without a break."""

    speaker: str = Field(examples=["SPEAKER_00"])
    start: float = Field(description="Seconds.", examples=[0.12])
    end: float = Field(description="Seconds.", examples=[4.56])


class DiarizationAnswer(BaseModel):
    """The speaker turns of a recording, overlaps included."""

    segments: list[Turn]
    num_speakers: int = Field(examples=[2])
    performance: float = Field(
        description="Seconds of audio per second of processing: above 1 is faster than real time. 0 for no audio.",
        examples=[1.25],
    )
    warnings: Warnings = Field(default_factory=list)

    @classmethod
    def of(cls, result: FinishedJob, ignored: tuple[str, ...] = ()) -> "DiarizationAnswer":
        """Return the answer of a finished job."""
        seconds = result.processing_seconds
        return cls(
            segments=[Turn(**turn) for turn in result.turns],
            num_speakers=len(result.speakers),
            performance=round(result.audio_seconds / seconds, 2) if seconds else 0.0,
            warnings=[*result.warnings, *ignored],
        )


class QueueItem(BaseModel):
    """An item of the queue."""

    id: str = Field(examples=[EXAMPLE_ID])
    operation: str = Field(examples=["diarize"])
    status: JobState
    progress: float = Field(description="From 0 to 1.", ge=0, le=1, examples=[0.5])
    result: DiarizationAnswer | None = None
    error: str | None = Field(default=None, examples=["3 attempts crashed on it"])
    warnings: Warnings = Field(default_factory=list)

    @classmethod
    def of(
        cls, job: Job, operation: str, result: DiarizationAnswer | None, warnings: tuple[str, ...] = ()
    ) -> "QueueItem":
        """Return the item of a job."""
        return cls.model_validate(
            {
                "id": job.id,
                "operation": operation,
                "status": job.state,
                "progress": job.progress,
                "result": result,
                "error": job.failure.message if job.failure else None,
                "warnings": list(warnings),
            }
        )
