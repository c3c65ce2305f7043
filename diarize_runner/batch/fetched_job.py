"""A fetched recording as a job."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, ClassVar, Final

from diarize_runner.batch.configuration import Configuration
from diarize_runner.batch.fetching import FetchedRecording
from diarize_runner.jobs.job import DiarizationTask, Job, LoadedJob
from diarize_runner.transcript.model import Transcript
from diarize_runner.transcript.read import read_data

if TYPE_CHECKING:
    from diarize_runner.diarization.audio import DecodedRecording

_NO_TRANSCRIPT: Final = Transcript(segments=())


@dataclass(frozen=True, kw_only=True, slots=True)
class _FetchedAudio:
    """A file without a name; `name` is that of the object."""

    name: str
    file: BinaryIO
    channel: ClassVar[None] = None
    stream: ClassVar[None] = None

    def decode(self) -> "DecodedRecording":
        """Return the recording. Raises AudioError, DiskError."""
        from diarize_runner.diarization.audio import decode_opened

        return decode_opened(self.file, self.name)


def load_job(fetched: FetchedRecording, configuration: Configuration) -> LoadedJob:
    """Parse the transcript of a recording, and decode its audio. Raises TranscriptError, AudioError."""
    recording, transcript = fetched.recording, _transcript(fetched)
    job = Job(
        audio=_FetchedAudio(name=PurePosixPath(recording.key).name, file=fetched.audio),
        transcript=Path(recording.transcript.key) if recording.transcript else None,
        task=DiarizationTask(hints=recording.hints or configuration.hints),
        rules=configuration.rules,
    )
    return LoadedJob(job=job, recording=job.audio.decode(), transcript=transcript)


def _transcript(fetched: FetchedRecording) -> Transcript:
    """Return the transcript, or an empty one. Raises TranscriptError."""
    found = fetched.recording.transcript
    return read_data(fetched.transcript, found.key) if found and fetched.transcript is not None else _NO_TRANSCRIPT
