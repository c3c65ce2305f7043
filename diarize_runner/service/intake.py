"""Take an upload: decode it in the confined child, keep it, and add its job to the queue.

Decoding here, and not when the job runs, refuses what is no audio at once, knows the duration that the limits count,
and overlaps with the work of the device.
"""

import shutil
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, Final

from anyio import CapacityLimiter

from diarize_runner.diarization import audio
from diarize_runner.diarization.audio import DecodedRecording, Selection
from diarize_runner.diarization.decoders import StandbyDecoder
from diarize_runner.digests import hash_bytes, iter_chunks, write_and_hash
from diarize_runner.disk import disk_errors
from diarize_runner.errors import AudioError, DiarizeRunnerError, DiskFull, QueueError, UnreadableAudio
from diarize_runner.service.folder import JobFolder, ServiceFolder
from diarize_runner.service.queue.job import Job, NewJob, QueueLoad
from diarize_runner.service.queue.queue import Queue
from diarize_runner.service.recording import DecodedUpload
from diarize_runner.service.references import LONGEST_SECONDS, SHORTEST_SECONDS, Reference
from diarize_runner.service.settings import Limits
from diarize_runner.service.speed import Speed
from diarize_runner.service.work import Work
from diarize_runner.transcript.read import read

_PADDING: Final = 0.2
"""Seconds that codecs and containers add or lack."""
_REFERENCE_LIMITS: Final = audio.Limits(
    audio_seconds=LONGEST_SECONDS + _PADDING, wall_seconds=60.0, cpu_seconds=20, memory=1 << 30
)


class QueueFull(DiarizeRunnerError):
    """The queue takes no more audio now."""

    def __init__(self, message: str, *, hint: str, retry_after: int) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after
        """Seconds until there is room, estimated from the speed of the last jobs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """A request to work on an upload."""

    owner: str
    work: Work
    is_strict: bool = False
    """Whether to refuse a recording that has a warning."""
    idempotency_key: str | None = None
    references: tuple[Reference, ...] = ()
    """Of the speakers in `work.references`."""
    webhook_url: str | None = None
    """What gets a request when the job has ended; it was checked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """A job in the queue, and what decoding said of its recording."""

    job: Job
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Share:
    """What the queue has, of all owners or of one, and what it may have."""

    whose: str
    load: QueueLoad
    most_seconds: float
    """Of audio."""
    most_jobs: float


class Intake:
    """Takes uploads; several threads share it."""

    def __init__(
        self, folder: ServiceFolder, queue: Queue, limits: Limits, speed: Speed, wake: Callable[[], None]
    ) -> None:
        """`wake` tells the workers of this box of a new job."""
        self._folder, self._queue, self._limits, self._speed, self._wake = folder, queue, limits, speed, wake
        self.decoders = CapacityLimiter(limits.decoders)
        """Bounds the threads that run `accept`: each decoder takes a core, and up to 2 GiB of memory."""
        self.standby = StandbyDecoder()

    def require_room(self, owner: str, audio_seconds: float = 0.0) -> None:
        """Refuse what has no room; an empty queue takes any recording.

        Raises:
            QueueFull: the queue, or the owner's share of it, is full.
            DiskFull: the disk has only the space that the queue and the results of the jobs need.
        """
        self._require_space()
        self._require_room(self._share("the queue", self._queue.load(), 1.0), audio_seconds)
        if owner:
            share = self._share("your key", self._queue.load(owner), self._limits.share_per_key)
            self._require_room(share, audio_seconds)

    def _share(self, whose: str, load: QueueLoad, share: float) -> _Share:
        seconds, jobs = share * self._limits.max_queued_seconds, share * self._limits.max_queued_jobs
        return _Share(whose=whose, load=load, most_seconds=seconds, most_jobs=jobs)

    def _require_space(self) -> None:
        with disk_errors(self._folder.jobs):
            free = shutil.disk_usage(self._folder.jobs).free
        if free < self._limits.reserved_bytes:
            message = f"the disk has {free >> 20} MiB left, and {self._limits.reserved_bytes >> 20} MiB are reserved"
            raise DiskFull(message, hint="delete jobs, or free some space, then try again")

    def _require_room(self, share: _Share, audio_seconds: float) -> None:
        load, needed = share.load, share.load.audio_seconds + audio_seconds
        if not load.jobs:
            return
        one_job = load.audio_seconds / load.jobs
        if needed > share.most_seconds or load.audio_seconds >= share.most_seconds:
            message = f"{share.whose} has {load.audio_seconds:.0f} s of audio in {load.jobs} jobs"
            excess = max(needed - share.most_seconds, one_job)
            raise self._full(f"{message}: the limit is {share.most_seconds:g} s", excess)
        if load.jobs >= share.most_jobs:
            raise self._full(f"{share.whose} has {load.jobs} jobs, as many as it may have", one_job)

    def _full(self, message: str, excess: float) -> QueueFull:
        """Return the error; there is room once `excess` seconds of audio are processed."""
        hint = "try again after the seconds that Retry-After says"
        return QueueFull(message, hint=hint, retry_after=self._speed.seconds_for(excess))

    def accept(self, submission: Submission, upload: BinaryIO, transcript: BinaryIO | None = None) -> Accepted:
        """Decode the upload, keep it and add its job; an error leaves nothing behind.

        Raises:
            AudioError: it cannot be decoded, is too long, or has a warning although the submission is strict.
            TranscriptError: the transcript cannot be read.
            QueueFull: there is no room for it.
            IdempotencyConflict: the key was used for another upload.
            DiskError or QueueError: it cannot be kept.
        """
        job_id = uuid.uuid4().hex
        self.require_room(submission.owner)
        recording = self._decode(submission, upload)
        self.require_room(submission.owner, recording.duration)
        references = [self._decode_reference(each) for each in submission.references]
        with self._folder.new_job(job_id) as folder:
            _keep(folder, recording, submission.work, upload, transcript)
            for number, each in enumerate(references):
                folder.reference(number).write_bytes(each.waveform.data)
        new = _new_job(job_id, submission, recording, transcript)
        job = self._add(new)
        self._wake()
        return Accepted(job=job, warnings=recording.warnings)

    def _decode(self, submission: Submission, upload: BinaryIO) -> DecodedRecording:
        work, limits = submission.work, audio.Limits(audio_seconds=self._limits.max_audio_seconds)
        selection = Selection(stream=work.stream, channel=work.channel)
        with disk_errors(self._folder.incoming):  # a small upload was in memory until here
            upload.seek(0)
            upload.fileno()
        recording = audio.decode_opened(upload, work.name, selection, limits=limits, run=self.standby.run)
        if submission.is_strict and recording.warnings:
            hint = "repair it, or leave out strict to process what there is"
            raise UnreadableAudio(f"{work.name} is refused: {recording.warnings[0]}", hint=hint)
        return recording

    def _decode_reference(self, reference: Reference) -> DecodedRecording:
        """Decode a reference; raise AudioError and UnreadableAudio if it is too short, too long, or no audio."""
        name = f"the reference of {reference.name}"
        with disk_errors(self._folder.incoming), TemporaryFile(dir=self._folder.incoming) as file:
            file.write(reference.audio)
            file.seek(0)
            whole = audio.ALL_CHANNELS
            recording = audio.decode_opened(file, name, whole, limits=_REFERENCE_LIMITS, run=self.standby.run)
        if recording.duration < SHORTEST_SECONDS - _PADDING:
            hint = f"send {SHORTEST_SECONDS:g} to {LONGEST_SECONDS:g} s of one person"
            raise AudioError(f"{name} lasts {recording.duration:.1f} s", hint=hint)
        return recording

    def _add(self, new: NewJob) -> Job:
        """Add the job. Its folder goes if the queue refuses it, or has the job of an earlier, equal request."""
        try:
            job = self._queue.add(new)
        except BaseException:
            self._remove_refused(new.id)
            raise
        if job.id != new.id:
            self._folder.remove_job(new.id)
        return job

    def _remove_refused(self, job_id: str) -> None:
        """Remove the folder of a job that was not added: a connection can break when the row has just been added.

        A folder stays while the queue cannot be asked; the next start of the server asks again.
        """
        with suppress(QueueError):
            if self._queue.find(job_id) is None:
                self._folder.remove_job(job_id)


def _new_job(job_id: str, submission: Submission, recording: DecodedRecording, transcript: BinaryIO | None) -> NewJob:
    work, key = submission.work, submission.idempotency_key
    return NewJob(
        id=job_id,
        owner=submission.owner,
        work=work.encode(),
        model=work.model,
        work_version=work.version,
        audio_seconds=recording.duration,
        idempotency_key=key,
        webhook_url=submission.webhook_url,
        request_digest=_request_digest(submission, recording, transcript) if key else "",
    )


def _request_digest(submission: Submission, recording: DecodedRecording, transcript: BinaryIO | None) -> str:
    """Return a digest of everything that a request sends."""
    parts = [str(recording.digest), submission.work.encode(), str(submission.is_strict), submission.webhook_url or ""]
    parts += [str(hash_bytes(reference.audio).digest) for reference in submission.references]
    if transcript:
        transcript.seek(0)
        parts.append(str(write_and_hash(iter_chunks(transcript), None).digest))
    return str(hash_bytes("\n".join(parts).encode(errors="surrogatepass")).digest)


def _keep(
    folder: JobFolder, recording: DecodedRecording, work: Work, upload: BinaryIO, transcript: BinaryIO | None
) -> None:
    """Write the files of a job, the transcript first: it may be unreadable."""
    if transcript:
        _copy(transcript, folder.transcript)
        read(folder.transcript)
    _copy(upload, folder.upload)
    with folder.samples.open("wb") as file:
        file.write(recording.waveform.data)
    decoded = DecodedUpload(
        uri=recording.uri,
        digest=str(recording.digest),
        warnings=recording.warnings,
        channel=work.channel,
        stream=work.stream,
    )
    folder.recording.write_bytes(decoded.encode())


def _copy(source: BinaryIO, path: Path) -> None:
    source.seek(0)
    with path.open("wb") as target:
        shutil.copyfileobj(source, target)
