"""The answers of OpenAI's API that are no file of the result."""

from typing import Literal

from pydantic import BaseModel, Field

from diarize_runner.service.results import FinishedJob


class Transcription(BaseModel):
    """The answer to `json`."""

    text: str = Field(examples=["Hello, thank you for calling..."])

    @classmethod
    def of(cls, result: FinishedJob) -> "Transcription":
        """Return the answer of a finished job."""
        return cls(text=" ".join(segment["text"].strip() for segment in result.segments))


class Model(BaseModel):
    """A transcription model."""

    id: str = Field(examples=["tiny.en"])
    object: Literal["model"] = "model"
    created: int = Field(default=0, description="Not known.", examples=[0])
    owned_by: Literal["diarize-runner"] = "diarize-runner"


class Models(BaseModel):
    """The transcription models of the server."""

    object: Literal["list"] = "list"
    data: list[Model]
