"""The protocol between Transcriber and its child process.

The parent writes a request to the child's stdin, as one line of JSON, and its samples to a shared memory file. The
child answers on a pipe of its own with events, one line of JSON each: `loaded`, then a `segment` for each one, then
`finished` or `failed`. It answers requests until stdin ends, and keeps the model loaded if the next one names the same.

    python -m diarize_runner.transcription.child EVENTS SAMPLES PARENT

EVENTS and SAMPLES are descriptors, PARENT is the parent's process id. What libraries print goes to stdout and stderr,
which belong to no protocol.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from diarize_runner import errors
from diarize_runner.errors import DiarizeRunnerError, PipelineError
from diarize_runner.transcription.events import EventKinds


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFile:
    """A verified file of the model."""

    name: str
    path: str
    size: int
    digest: str
    """The child hashes the bytes that it loads, and compares them with this."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadRequest:
    """What to load."""

    model: str
    files: tuple[ModelFile, ...]
    device: str
    compute_type: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One recording, and how to transcribe it."""

    load: LoadRequest
    samples: int
    """Of the recording, as float32 at 16 kHz, from the start of the shared memory."""
    language: str | None
    task: str
    batch_size: int
    vad: bool
    words: bool

    def encode(self) -> bytes:
        """Return the line for the child's stdin."""
        return f"{json.dumps(asdict(self))}\n".encode()

    @classmethod
    def decode(cls, line: str) -> "Request":
        """Parse a line of the child's stdin."""
        values = json.loads(line)
        load = values.pop("load")
        files = tuple(ModelFile(**file) for file in load.pop("files"))
        return cls(load=LoadRequest(files=files, **load), **values)


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """The model is loaded."""

    device: str
    compute_type: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TranscribedSegment:
    """A segment, as JSON of faster-whisper has it."""

    segment: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """All segments are sent."""

    language: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """The recording cannot be transcribed; `kind` is the name of an error in `diarize_runner.errors`."""

    kind: str
    message: str
    hint: str

    @classmethod
    def of(cls, error: DiarizeRunnerError) -> "Failed":
        """Return the event that raises an error in the parent."""
        return cls(kind=type(error).__name__, message=error.message, hint=error.hint)

    @property
    def error(self) -> DiarizeRunnerError:
        """The error to raise."""
        kind: type[DiarizeRunnerError] = getattr(errors, self.kind, PipelineError)
        return kind(self.message, hint=self.hint)


Event = Loaded | TranscribedSegment | Finished | Failed
_EVENTS = EventKinds(
    kinds={
        "loaded": Loaded,
        "segment": TranscribedSegment,
        "finished": Finished,
        "failed": Failed,
    }
)


def encode_event(event: Event) -> str:
    """Return an event as a line."""
    return _EVENTS.encode(event)


def decode_event(line: bytes) -> Event:
    """Parse a line. Raises ValueError, KeyError or TypeError if it is no event."""
    event: Event = _EVENTS.decode(line)
    return event
