"""The answers of LocalAI's `/v1/audio/diarization`."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from diarize_runner.service.results import FinishedJob
from diarize_runner.service.shapes.parts import Warnings


class DiarizationSegment(BaseModel):
    """One speaker speaking without a break."""

    id: int = Field(examples=[0])
    speaker: str = Field(examples=["SPEAKER_00"])
    label: str = Field(
        description="The label that the pipeline gave; equal to `speaker` here.", examples=["SPEAKER_00"]
    )
    start: float = Field(description="Seconds.", examples=[0.0])
    end: float = Field(description="Seconds.", examples=[3.4])
    text: str | None = Field(default=None, description="With include_text.", examples=["Hello."])


class Speaker(BaseModel):
    """One speaker of the recording."""

    id: str = Field(examples=["SPEAKER_00"])
    label: str = Field(examples=["SPEAKER_00"])
    total_speech_duration: float = Field(description="Seconds.", examples=[12.3])
    segment_count: int = Field(examples=[4])


class Diarization(BaseModel):
    """The answer to `json` and `verbose_json`; only the latter has speakers."""

    task: Literal["diarize"] = "diarize"
    duration: float = Field(description="Of the recording, in seconds.", examples=[30.0])
    language: str | None = Field(default=None, description="With a transcript.", examples=["en"])
    num_speakers: int = Field(examples=[2])
    segments: list[DiarizationSegment]
    speakers: list[Speaker] | None = None
    warnings: Warnings = Field(default_factory=list)

    @classmethod
    def of(cls, result: FinishedJob, ignored: tuple[str, ...], *, with_text: bool) -> "Diarization":
        """Return the answer to `json`."""
        found = result.segments if with_text and result.segments else result.turns
        return cls(
            duration=round(result.audio_seconds, 3),
            language=result.document.get("language"),
            num_speakers=len(result.speakers),
            segments=[_segment(number, each) for number, each in enumerate(found)],
            warnings=[*result.warnings, *ignored],
        )

    def with_speakers(self, result: FinishedJob) -> "Diarization":
        """Return the answer to `verbose_json`."""
        speakers = [
            Speaker(
                id=each["speaker"],
                label=each["speaker"],
                total_speech_duration=each["seconds"],
                segment_count=each["turns"],
            )
            for each in result.document["statistics"]
        ]
        return self.model_copy(update={"speakers": speakers})


def _segment(number: int, segment: dict[str, Any]) -> DiarizationSegment:
    speaker = segment["speaker"] or ""
    return DiarizationSegment(
        id=number,
        speaker=speaker,
        label=speaker,
        start=segment["start"],
        end=segment["end"],
        text=segment.get("text"),
    )
