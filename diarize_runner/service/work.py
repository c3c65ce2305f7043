"""What a job does with its recording, and how the queue stores that."""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal, get_args

from diarize_runner.diarization.turns import NO_HINTS, SpeakerHints

TaskName = Literal["diarize", "vad", "transcribe", "run"]
TASKS: Final[tuple[TaskName, ...]] = get_args(TaskName)
"""`diarize` labels the transcript if one comes along; `run` transcribes, diarizes and labels."""
TRANSCRIBING: Final = ("transcribe", "run")
"""The tasks that need a transcription model."""
DIARIZATION_MODEL: Final = "diarization"
"""The model of jobs that transcribe nothing, for sticky scheduling."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What to do with a recording. It holds only plain values, so that a row of the queue can hold no code."""

    task: TaskName = "diarize"
    hints: SpeakerHints = NO_HINTS
    name: str = "recording"
    """The name of the uploaded file, for messages only; never part of a path."""
    channel: int | None = None
    """The channel to decode, from 1; None for the mean of all."""
    stream: int | None = None
    """The audio stream to decode, from 1; None for the one that FFmpeg ranks best."""
    has_transcript: bool = False
    """Whether a transcript was uploaded."""
    transcription_model: str | None = None
    """The name of a transcription model of the cache; None for a task that transcribes nothing."""
    language: str | None = None
    """A code such as `de`; None to detect it."""

    @property
    def model(self) -> str:
        """What must be loaded for it."""
        return self.transcription_model or DIARIZATION_MODEL

    def encode(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self), sort_keys=True)  # ASCII: a name may hold a lone surrogate

    @classmethod
    def decode(cls, text: str) -> "Work":
        """Parse what `encode` returned.

        Raises:
            ValueError, TypeError or KeyError: it is something else; a stored row is not trusted.
        """
        values: dict[str, Any] = json.loads(text)
        work = cls(**{**values, "hints": SpeakerHints(**values["hints"])})
        if work.task not in TASKS:
            raise ValueError(f"{work.task!r} is no task")
        return replace(work, name=str(work.name))
