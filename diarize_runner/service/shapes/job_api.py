"""The answers of `/diarize`, `/status/{job_id}` and `/batch-diarize`.

The names of speakers are `Speaker_01` and so on, by first appearance; known speakers keep their names. Talk time is the
sum of a speaker's turns, without pauses. Each segment of the transcript is there; without a speaker, it has `Unknown`.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from pydantic import BaseModel, Field

from diarize_runner.service.queue.job import Job
from diarize_runner.service.results import FinishedJob
from diarize_runner.service.shapes.parts import EXAMPLE_ID, Warnings

Status = Literal["queued", "processing", "completed", "failed", "cancelled"]
_STATUS: Final[Mapping[str, Status]] = {
    "queued": "queued",
    "running": "processing",
    "succeeded": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
}
_UNKNOWN: Final = "Unknown"
_LABEL: Final = re.compile(r"SPEAKER_\d+|SPEECH")


class Submitted(BaseModel):
    """A job that was taken."""

    job_id: str = Field(examples=[EXAMPLE_ID])
    status: Status = Field(examples=["queued"])
    warnings: Warnings = Field(default_factory=list)


class NotSubmitted(BaseModel):
    """A file of a batch that was refused; the others are not affected."""

    file: str = Field(examples=["notes.txt"])
    status: Literal["refused"] = "refused"
    error: str = Field(examples=["cannot decode notes.txt: Invalid data found when processing input"])
    hint: str = Field(default="", examples=["send audio or video"])


class Batch(BaseModel):
    """The jobs of a batch, in the order of its files."""

    jobs: list[Submitted | NotSubmitted]
    warnings: Warnings = Field(default_factory=list)


class Segment(BaseModel):
    """A segment of the transcript; without a transcript, a speaker turn without text."""

    start: float = Field(description="Seconds.", examples=[0.0])
    end: float = Field(description="Seconds.", examples=[5.23])
    speaker: str = Field(examples=["Speaker_01"])
    text: str = Field(examples=["Hello, thank you for calling..."])


class SpeakerSummary(BaseModel):
    """What one speaker said, and for how long."""

    total_duration: float = Field(description="Seconds of talk time, overlaps included.", examples=[45.2])
    percentage: float = Field(description="Share of the talk time of all speakers.", examples=[65.3])
    segment_count: int = Field(examples=[12])
    word_count: int = Field(examples=[156])


class JobResult(BaseModel):
    """The result of a job."""

    transcript: str = Field(examples=["Speaker_01 [0.00s - 5.23s]: Hello, thank you for calling..."])
    speakers: dict[str, SpeakerSummary]
    segments: list[Segment]
    processing_time: float = Field(description="Seconds.", examples=[23.4])
    audio_duration: float = Field(description="Seconds.", examples=[69.2])
    total_speakers: int = Field(examples=[2])
    warnings: Warnings = Field(default_factory=list)

    @classmethod
    def of(cls, result: FinishedJob) -> "JobResult":
        """Return the result of a finished job."""
        names = _names(result.speakers)
        segments = [_segment(each, names) for each in result.segments or result.turns]
        return cls(
            transcript="\n".join(map(_line, segments)),
            speakers=_speakers(result, names, segments),
            segments=segments,
            processing_time=round(result.processing_seconds, 3),
            audio_duration=round(result.audio_seconds, 3),
            total_speakers=len(names),
            warnings=result.warnings,
        )


class JobStatus(BaseModel):
    """The state of a job, and its result once it is completed."""

    job_id: str = Field(examples=[EXAMPLE_ID])
    status: Status
    progress: float = Field(description="From 0 to 1.", ge=0, le=1, examples=[1.0])
    stage: str = Field(default="", description="What it is doing, such as `embeddings`.", examples=["embeddings"])
    result: JobResult | None = None
    error: str | None = Field(default=None, examples=["3 attempts crashed on it"])
    hint: str | None = Field(default=None, examples=["cut the recording, or use a box with more memory"])

    @classmethod
    def of(cls, job: Job, result: JobResult | None) -> "JobStatus":
        """Return the status of a job."""
        failure = job.failure
        return cls(
            job_id=job.id,
            status=status_of(job),
            progress=job.progress,
            stage=job.stage,
            result=result,
            error=failure.message if failure else None,
            hint=failure.hint if failure else None,
        )


def status_of(job: Job) -> Status:
    """Return the state in the words of this API."""
    return _STATUS[job.state]


def _names(speakers: Sequence[str]) -> dict[str, str]:
    """Return names by label; a known speaker has a name in place of a label, and keeps it."""
    labels = [speaker for speaker in speakers if _LABEL.fullmatch(speaker)]
    numbered = {label: f"Speaker_{number:02d}" for number, label in enumerate(labels, start=1)}
    return {speaker: numbered.get(speaker, speaker) for speaker in speakers}


def _segment(segment: Mapping[str, Any], names: Mapping[str, str]) -> Segment:
    speaker = names.get(segment["speaker"] or "", _UNKNOWN)
    return Segment(start=segment["start"], end=segment["end"], speaker=speaker, text=segment.get("text", "").strip())


def _line(segment: Segment) -> str:
    return f"{segment.speaker} [{segment.start:.2f}s - {segment.end:.2f}s]: {segment.text}".rstrip()


def _speakers(result: FinishedJob, names: Mapping[str, str], segments: list[Segment]) -> dict[str, SpeakerSummary]:
    counts = Counter(segment.speaker for segment in segments)
    return {
        names[each["speaker"]]: SpeakerSummary(
            total_duration=round(each["seconds"], 3),
            percentage=round(100 * each["share"], 1),
            segment_count=counts[names[each["speaker"]]],
            word_count=each["words"],
        )
        for each in result.document["statistics"]
    }
