"""The model process: it loads the models, and runs one job after the other; protocol.py describes how it is asked.

Only this process of the service imports torch. The transcription models are in a process of their own, below this one,
which the kernel kills when this one ends.
"""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from diarize_runner.cache.box.open import open_cache
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.errors import DiarizeRunnerError
from diarize_runner.jobs.batch import BatchSession
from diarize_runner.jobs.job import DiarizationTask, Job, Result, SpeechDetectionTask
from diarize_runner.jobs.naming import DiarizingSession
from diarize_runner.jobs.session import Session, load_offline
from diarize_runner.jobs.transcribing import TranscribingSession, TranscriptSession, open_transcriber
from diarize_runner.progress import OverallProgress
from diarize_runner.recording_errors import RecordingFailed, recording_errors
from diarize_runner.service.folder import JobFolder
from diarize_runner.service.recording import DecodedUpload
from diarize_runner.service.work import Work
from diarize_runner.service.workers.memory import resident_bytes
from diarize_runner.service.workers.naming import SpeakerNaming
from diarize_runner.service.workers.protocol import (
    Finished,
    JobRequest,
    Loaded,
    ModelSettings,
    Progressed,
    encode_event,
)
from diarize_runner.service.workers.results import render, write_result
from diarize_runner.transcription.answering import Answering, Emit, answer_requests
from diarize_runner.transcription.options import TranscriptionOptions
from diarize_runner.transcription.protocol import Failed

if TYPE_CHECKING:
    from diarize_runner.diarization.audio import DecodedRecording
    from diarize_runner.transcription.transcriber import Transcriber

PROGRAM: Final = "diarize-runner serve"
_SCORE: Final = Path("/proc/self/oom_score_adj")
_FIRST_TO_KILL: Final = "1000"
_INTERVAL: Final = 0.25
"""Seconds between two events about one stage."""


@dataclass(kw_only=True, slots=True)
class _Models:
    """The loaded models, and what they were loaded for."""

    request: ModelSettings
    cache: VerifiedCache
    session: Session
    load_seconds: float
    transcriber: "Transcriber | None" = None
    """With the model of the last job that transcribed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _UploadedAudio:
    """An upload that the server decoded."""

    name: str
    upload: DecodedUpload
    samples: Path

    @property
    def channel(self) -> int | None:
        """Return the decoded channel."""
        return self.upload.channel

    @property
    def stream(self) -> int | None:
        """Return the decoded stream."""
        return self.upload.stream

    def decode(self) -> "DecodedRecording":
        """Return the recording. Raises as `DecodedUpload.open` does."""
        return self.upload.open(self.samples)


@dataclass(kw_only=True, slots=True)
class _SentProgress:
    """Sends progress to the parent, from any thread; not each step of a stage."""

    emit: Emit
    lock: threading.Lock = field(default_factory=threading.Lock)
    stage: str = ""
    sent_at: float = 0.0

    def advance(self, stage: str, *, completed: int, total: int, overall: OverallProgress | None = None) -> None:
        """Send an event, unless one about this stage has just been sent and the stage is not complete."""
        del overall
        with self.lock:
            now = time.monotonic()
            if stage == self.stage and completed != total and now - self.sent_at < _INTERVAL:
                return
            self.stage, self.sent_at = stage, now
            self.emit(Progressed(stage=stage, completed=completed, total=total))

    def print_line(self, line: str) -> None:
        """Print it; the parent logs what this process prints."""
        sys.stderr.write(f"{line}\n")

    def paused(self) -> AbstractContextManager[None]:
        """Do nothing: there is no display."""
        return nullcontext()


def main() -> None:
    """Answer the requests on stdin."""
    sys.argv[0] = PROGRAM  # other processes that wait for the device read this name
    be_killed_first()
    errors = (ImportError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError)
    answer_requests(
        Answering(
            task="loading", decode=JobRequest.decode, load=_load, answer=_answer, encode=encode_event, errors=errors
        )
    )


def be_killed_first() -> None:
    """Let the kernel kill this process and its children before others if memory runs out: the server must live.

    proc_pid_oom_score_adj(5); any process may raise its own value.
    """
    with suppress(OSError):  # a sandbox may hide the file
        _SCORE.write_text(_FIRST_TO_KILL)


def _load(settings: ModelSettings, emit: Emit) -> _Models:
    """Verify the cache, and load its pipeline. Raises as `open_cache` and `load_offline` do."""
    began, progress = time.monotonic(), _SentProgress(emit=emit)
    cache = open_cache(Path(settings.cache), progress)
    session = load_offline(cache, settings.device, settings.engine, progress)
    return _Models(request=settings, cache=cache, session=session, load_seconds=time.monotonic() - began)


def _answer(models: _Models, request: JobRequest, _samples: int, emit: Emit) -> None:
    diarizer = models.session.diarizer
    emit(Loaded(device=diarizer.device, engine=diarizer.engine, load_seconds=models.load_seconds))
    folder = JobFolder(path=Path(request.folder))
    with _sending_errors(folder, emit):
        work = Work.decode(request.work)
        result = _run(models, folder, work, _SentProgress(emit=emit))
        write_result(request.result_folder, render(work.task, result))
        emit(Finished(processing_seconds=result.timing.processing_seconds, memory_bytes=resident_bytes(os.getpid())))


@contextmanager
def _sending_errors(folder: JobFolder, emit: Emit) -> Iterator[None]:
    """Send any error of the recording; those that concern every recording propagate, and the caller sends them."""
    try:
        with recording_errors("the recording"):
            yield
    except RecordingFailed as failed:
        emit(_failed(failed.error, folder))


def _failed(error: DiarizeRunnerError, folder: JobFolder) -> Failed:
    """Return the event, without the place of the job's files: the message goes to the client."""
    event = Failed.of(error)
    return Failed(
        kind=event.kind,
        message=event.message.replace(f"{folder.path}/", ""),
        hint=event.hint.replace(f"{folder.path}/", ""),
    )


def _run(models: _Models, folder: JobFolder, work: Work, progress: _SentProgress) -> Result:
    audio = _UploadedAudio(
        name=work.name, upload=DecodedUpload.decode(folder.recording.read_bytes()), samples=folder.samples
    )
    task = SpeechDetectionTask() if work.task == "vad" else DiarizationTask(hints=work.hints)
    transcript = folder.transcript if work.has_transcript else None
    loaded = Job(audio=audio, transcript=transcript, task=task).load()
    naming = SpeakerNaming(settings=models.request, folder=folder, work=work)
    return _session(models, naming, progress).run(loaded, progress)


def _session(models: _Models, naming: SpeakerNaming, progress: _SentProgress) -> BatchSession:
    """Return what runs the job.

    Raises:
        UsageError: the cache has no such transcription model.
        VoiceError: the speakers cannot be named.
    """
    work = naming.work
    if work.task == "transcribe":
        return TranscriptSession(transcriber=_transcriber(models, work), manifest=models.cache.manifest)
    session = _diarizing_session(models, work)
    return naming.session(session, progress) if work.names_speakers else session


def _diarizing_session(models: _Models, work: Work) -> DiarizingSession:
    if work.task == "run":
        return TranscribingSession(transcriber=_transcriber(models, work), session=models.session)
    return models.session


def _transcriber(models: _Models, work: Work) -> "Transcriber":
    settings = models.request
    options = TranscriptionOptions(
        model=work.transcription_model,
        language=work.language,
        device=settings.device,
        compute_type=settings.compute_type,
        batch_size=settings.batch_size,
    )
    if models.transcriber is None:
        models.transcriber = open_transcriber(models.cache, options)
    elif models.transcriber.requested != options:
        models.transcriber.use(options)
    return models.transcriber


if __name__ == "__main__":
    main()
