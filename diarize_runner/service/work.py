"""What a job does with its recording, and how the queue stores that."""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal, get_args

from diarize_runner.diarization.turns import NO_HINTS, SpeakerHints

VERSION: Final = 2
"""The newest of the documents of `Work.encode`. A release that adds what older ones cannot do raises it: boxes of older
releases leave such jobs to others."""
_FIRST: Final = 1
"""The version of work that every release can do."""
TaskName = Literal["diarize", "vad", "transcribe", "run"]
TASKS: Final[tuple[TaskName, ...]] = get_args(TaskName)
"""`diarize` labels the transcript if one comes along; `run` transcribes, diarizes and labels."""
TRANSCRIBING: Final = ("transcribe", "run")
"""The tasks that need a transcription model."""
FINDING_SPEAKERS: Final = ("diarize", "run")
"""The tasks whose results have speakers."""
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
    known_speakers: bool = False
    """Whether to name speakers after the enrolled voices."""
    references: tuple[str, ...] = ()
    """The names of speakers of whom the job has references, in their order."""

    @property
    def version(self) -> int:
        """The oldest version that says all of it, so that as many releases as possible can do it."""
        return VERSION if self.names_speakers else _FIRST

    @property
    def names_speakers(self) -> bool:
        """Whether speakers get names in place of labels."""
        return self.known_speakers or bool(self.references)

    @property
    def model(self) -> str:
        """What must be loaded for it."""
        return self.transcription_model or DIARIZATION_MODEL

    def encode(self) -> str:
        """Return it as JSON."""
        values = {"version": self.version, **asdict(self)}
        if not self.names_speakers:
            del values["known_speakers"], values["references"]  # older releases refuse them
        return json.dumps(values, sort_keys=True)  # ASCII: a name may hold a lone surrogate

    @classmethod
    def decode(cls, text: str) -> "Work":
        """Parse what `encode` returned.

        Raises:
            ValueError, TypeError or KeyError: it is something else; a stored row is not trusted.
        """
        values: dict[str, Any] = json.loads(text)
        if not _FIRST <= (version := values["version"]) <= VERSION:
            raise ValueError(f"version {version} of a job, but this release reads versions up to {VERSION}")
        del values["version"]
        hints, references = SpeakerHints(**values["hints"]), tuple(map(str, values.get("references", ())))
        work = cls(**{**values, "hints": hints, "references": references})
        if work.task not in TASKS:
            raise ValueError(f"{work.task!r} is no task")
        if work.names_speakers and work.task not in FINDING_SPEAKERS:
            raise ValueError(f"{work.task!r} finds no speakers to name")
        return replace(work, name=str(work.name))


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkLabel:
    """What every release can tell of a job, even of one that only a newer release can do."""

    task: str
    name: str

    @classmethod
    def read(cls, document: str) -> "WorkLabel":
        """Read a document of `Work.encode` of any release. Raises ValueError, TypeError or KeyError."""
        values = json.loads(document)
        return cls(task=str(values["task"]), name=str(values["name"]))
