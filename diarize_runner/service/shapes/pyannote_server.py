"""The answers of `/v1/diarize` and `/v1/vad`."""

from pydantic import BaseModel, Field

from diarize_runner.service.results import FinishedJob
from diarize_runner.service.shapes.parts import Warnings


class SpeakerSegment(BaseModel):
    """One speaker speaking without a break."""

    start: float = Field(description="Seconds.", examples=[0.5])
    end: float = Field(description="Seconds.", examples=[2.3])
    speaker: str = Field(examples=["SPEAKER_00"])


class DiarizeAnswer(BaseModel):
    """The speaker turns of a recording, overlaps included."""

    segments: list[SpeakerSegment]
    num_speakers: int = Field(examples=[2])
    warnings: Warnings = Field(default_factory=list)

    @classmethod
    def of(cls, result: FinishedJob, ignored: tuple[str, ...]) -> "DiarizeAnswer":
        """Return the answer of a finished job."""
        turns = [SpeakerSegment(**turn) for turn in result.turns]
        return cls(segments=turns, num_speakers=len(result.speakers), warnings=[*result.warnings, *ignored])


class SpeechSegment(BaseModel):
    """A stretch of speech."""

    start: float = Field(description="Seconds.", examples=[0.5])
    end: float = Field(description="Seconds.", examples=[8.2])


class VadAnswer(BaseModel):
    """The speech of a recording."""

    speech_segments: list[SpeechSegment]
    warnings: Warnings = Field(default_factory=list)

    @classmethod
    def of(cls, result: FinishedJob, ignored: tuple[str, ...]) -> "VadAnswer":
        """Return the answer of a finished job."""
        speech = [SpeechSegment(start=turn["start"], end=turn["end"]) for turn in result.turns]
        return cls(speech_segments=speech, warnings=[*result.warnings, *ignored])
