"""The protocol between Models and the model process.

The parent writes a request to the child's stdin, as one line of JSON. The child answers with events, one line of JSON
each: `progressed` while the models load, `loaded`, `progressed` while the job runs, then `finished` or `failed`. It
answers requests until stdin ends, and keeps its models loaded.

    python -m diarize_runner.service.workers.model_process EVENTS SAMPLES PARENT

EVENTS is a descriptor, PARENT the parent's process id. The shared memory SAMPLES stays empty: the samples of a job are
a file of its folder, which survives both processes.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from diarize_runner.diarization.engines import AUTO, Engine
from diarize_runner.transcription.events import EventKinds
from diarize_runner.transcription.options import DEFAULT_BATCH_SIZE, ComputeType
from diarize_runner.transcription.protocol import Failed
from diarize_runner.voices.matching import DEFAULT_THRESHOLD


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSettings:
    """What to load."""

    cache: str
    """The folder of the cache; the child verifies it."""
    device: str = "auto"
    """`cuda`, `cpu` or `auto`."""
    engine: Engine = AUTO
    compute_type: ComputeType = "auto"
    """Of transcription models."""
    batch_size: int = DEFAULT_BATCH_SIZE
    """Of transcription models."""
    voices: str | None = None
    """The file of enrolled voices, read again for each job that asks for names; absolute."""
    voice_threshold: float = DEFAULT_THRESHOLD
    """The least cosine between a speaker and the voice that names the speaker."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JobRequest:
    """One job."""

    load: ModelSettings
    folder: str
    """Of the job; absolute."""
    work: str
    """A document of `Work.encode`."""
    result: str
    """The name of the result folder to write."""

    def encode(self) -> bytes:
        """Return the line for the child's stdin."""
        return f"{json.dumps(asdict(self))}\n".encode()

    @classmethod
    def decode(cls, line: str) -> "JobRequest":
        """Parse a line of the child's stdin."""
        values = json.loads(line)
        return cls(load=ModelSettings(**values.pop("load")), **values)

    @property
    def result_folder(self) -> Path:
        """Return the folder of the result."""
        return Path(self.folder, self.result)


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """The models for diarization are loaded, and the job begins."""

    device: str
    engine: str
    load_seconds: float
    """How long the loading took, when it took place."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Progressed:
    """A stage has done `completed` of `total` units."""

    stage: str
    completed: int
    total: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """The result folder is written."""

    processing_seconds: float
    """Of the job, without the loading and the wait for the GPU."""
    memory_bytes: int
    """Of the child and its children."""


Event = Loaded | Progressed | Finished | Failed
_EVENTS = EventKinds(
    kinds={
        "loaded": Loaded,
        "progressed": Progressed,
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
