"""Transcribe recordings with one model of a cache, in a child process that keeps it loaded."""

import json
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from diarize_runner.cache.box.runtime import runtime_environment
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.cache.documents import layout
from diarize_runner.cache.documents.snapshot import FileEntry, RepoSnapshot
from diarize_runner.child import child_environment
from diarize_runner.digests import hash_bytes
from diarize_runner.errors import Interrupted, OutOfMemory, PipelineError, UsageError
from diarize_runner.progress import Progress
from diarize_runner.transcript.formats.provenance import AlignmentReference
from diarize_runner.transcript.model import Transcript
from diarize_runner.transcript.read import parse
from diarize_runner.transcription.models import TranscriptionModel, select_model
from diarize_runner.transcription.options import TranscriptionOptions
from diarize_runner.transcription.process import ChildProgram, ModelProcess, own_interpreter, own_path
from diarize_runner.transcription.protocol import (
    Event,
    Failed,
    Finished,
    LoadRequest,
    ModelFile,
    Request,
    TranscribedSegment,
    decode_event,
)
from diarize_runner.transcription.times import repair_times

if TYPE_CHECKING:
    from diarize_runner.diarization.audio import Recording

_log = logging.getLogger(__name__)

CHILD: Final = "diarize_runner.transcription.child"
_STAGE: Final = "transcription"
_SLOW_HINT: Final = "use a smaller model or a GPU, or cut the recording"
_MEMORY_HINT: Final = "if memory ran out, use a smaller model, a smaller --batch-size or --compute-type int8"


@dataclass(frozen=True, kw_only=True, slots=True)
class Deadline:
    """How long a recording may take; large models on a few cores take several times its duration."""

    load_seconds: float = 30 * 60.0
    per_audio_second: float = 30.0

    def seconds(self, audio_seconds: float) -> float:
        """Return the limit for a recording."""
        return self.load_seconds + self.per_audio_second * audio_seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Transcription:
    """A transcript, and what made it."""

    transcript: Transcript
    document: bytes
    """The transcript as JSON of faster-whisper, of which `transcript.digest` is the digest."""
    model: TranscriptionModel
    options: TranscriptionOptions
    """As requested, except that `batch_size` is the one that fitted into memory."""
    device: str
    compute_type: str
    alignment: AlignmentReference | None = None
    """What aligned the words; None if their times are Whisper's."""


@dataclass(kw_only=True, slots=True)
class _Answer:
    """What the child said so far."""

    segments: list[Mapping[str, Any]] = field(default_factory=list)
    device: str = ""
    compute_type: str = ""
    language: str | None = None


class Transcriber:
    """Transcribes one recording at a time; the end of the block ends the child process, and frees its memory."""

    def __init__(
        self,
        cache: VerifiedCache,
        options: TranscriptionOptions,
        *,
        deadline: Deadline = Deadline(),
        child: str = CHILD,
    ) -> None:
        """Check the options against the cache; the child process starts with the first recording.

        Raises:
            UsageError: the cache has no such model, or the model cannot do what the options request.
        """
        self._cache = cache.relocated_to(cache.root.absolute())
        self._deadline, self._child = deadline, child
        self._process: ModelProcess | None = None
        self._is_cancelled = False
        self.use(options)

    def __enter__(self) -> "Transcriber":  # noqa: PYI034  # typing.Self needs Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def use(self, options: TranscriptionOptions) -> None:
        """Transcribe later recordings so; the child process stays, and loads another model if the options name one.

        Raises:
            UsageError: the cache has no such model, or the model cannot do what the options request; the options stay.
        """
        options.require_possible()
        model = select_model(self._cache.manifest, options.model)
        _require_language(self._cache, model, options)
        self.model, self.requested = model, options
        # Without speech detection, there are no chunks to decode together.
        self._options = options if options.vad else replace(options, batch_size=1)

    def transcribe(self, recording: "Recording", progress: Progress) -> Transcription:
        """Return what was said. If memory runs out, halve the batch, and warn of it.

        Raises:
            PipelineError: the model failed on this recording, or took longer than the deadline.
            OutOfMemory: memory runs out even with batches of 1.
            DeviceUnavailable: there is no such device.
            IntegrityError: the weights have changed since they were verified.
            Interrupted: `cancel` was called.
        """
        warnings, self._is_cancelled = list[str](), False
        while (answer := self._attempt_within_memory(recording, progress)) is None:
            warnings.append(self._halve_batch())
            _log.warning("%s: %s", recording.uri, warnings[-1])
        return self._transcription(recording, answer, tuple(warnings))

    def cancel(self) -> None:
        """Stop the recording of another thread, which raises Interrupted, and free the memory; takes milliseconds."""
        self._is_cancelled = True
        if self._process:
            self._process.interrupt()

    def start(self) -> None:
        """Start the child process, if there is none; `transcribe` does it, too.

        The kernel ends it with the *thread* that starts it: https://man7.org/linux/man-pages/man2/prctl.2.html
        """
        if self._process and not self._process.is_running:
            self.close()
        if self._process is None:
            self._process = ModelProcess(self._program())

    def close(self) -> None:
        """End the child process."""
        process, self._process = self._process, None
        if process:
            process.kill()

    def _attempt_within_memory(self, recording: "Recording", progress: Progress) -> _Answer | None:
        """Return the answer; None if memory ran out and a smaller batch is possible."""
        try:
            return self._attempt(recording, progress)
        except OutOfMemory:
            if self._options.batch_size == 1:
                raise
        return None

    def _halve_batch(self) -> str:
        """Halve the batch for this recording and later ones; return the warning."""
        before = self._options.batch_size
        self._options = replace(self._options, batch_size=before // 2)
        return f"memory ran out with batches of {before}: they were halved to {before // 2}"

    def _attempt(self, recording: "Recording", progress: Progress) -> _Answer:
        """Ask the child, and end it if it does not finish."""
        answer, is_finished = _Answer(), False
        try:
            for event in self._events(recording):
                is_finished = self._receive(event, answer, recording, progress)
                if is_finished:
                    break
        except PipelineError as reason:
            if self._is_cancelled:
                raise Interrupted("the transcription was cancelled") from reason
            raise
        finally:
            if not is_finished:
                self.close()
        if self._process:
            self._process.release_samples()
        return answer

    def _events(self, recording: "Recording") -> Iterator[Event]:
        self.start()
        assert self._process  # noqa: S101  # just started
        request = self._request(len(recording.waveform)).encode()
        seconds = self._deadline.seconds(recording.duration)
        yield from self._process.ask(request, recording.waveform, seconds, decode_event)

    def _receive(self, event: Event, answer: _Answer, recording: "Recording", progress: Progress) -> bool:
        """Add an event to the answer; return whether it is the last one."""
        total = max(1, round(recording.duration))
        if isinstance(event, Failed):
            raise event.error
        if isinstance(event, Finished):
            answer.language = event.language
            progress.advance(_STAGE, completed=total, total=total)
            return True
        if isinstance(event, TranscribedSegment):
            answer.segments.append(event.segment)
            progress.advance(_STAGE, completed=min(round(event.segment["end"]), total), total=total)
        else:
            answer.device, answer.compute_type = event.device, event.compute_type
            progress.advance(_STAGE, completed=0, total=total)
        return False

    def _request(self, samples: int) -> Request:
        options, model = self._options, self.model
        files = tuple(model_file(self._cache, model.repo, name, file) for name, file in model.files.items())
        return Request(
            load=LoadRequest(model=model.name, files=files, device=options.device, compute_type=options.compute_type),
            samples=samples,
            language=options.language,
            task=options.task,
            batch_size=options.batch_size,
            vad=options.vad,
            words=options.words,
        )

    def _program(self) -> ChildProgram:
        return ChildProgram(
            command=own_interpreter(self._child),
            environment={**model_environment(self._cache), **own_path()},
            name="transcriber",
            task=_STAGE,
            slow_hint=_SLOW_HINT,
            memory_hint=_MEMORY_HINT,
        )

    def _transcription(self, recording: "Recording", answer: _Answer, warnings: tuple[str, ...]) -> Transcription:
        segments = repair_times(answer.segments, recording.duration)
        document = {"segments": segments, "language": answer.language}
        transcript, data = read_document(document, recording, warnings)
        return Transcription(
            transcript=transcript,
            document=data,
            model=self.model,
            options=self._options,
            device=answer.device,
            compute_type=answer.compute_type,
        )


def read_document(
    document: Mapping[str, Any], recording: "Recording", warnings: tuple[str, ...]
) -> tuple[Transcript, bytes]:
    """Return the transcript of a document of faster-whisper, and the document as JSON."""
    data = (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()
    transcript = parse(data.decode(), name=f"the transcript of {recording.uri}", warnings=warnings)
    return replace(transcript, digest=hash_bytes(data).digest), data


def model_file(cache: VerifiedCache, repo: RepoSnapshot, name: str, file: FileEntry) -> ModelFile:
    """Return where a child finds a file, and what it must hold; the root of the cache must be absolute."""
    path = cache.root / layout.blob_path(repo.repo_id, file.content.digest)
    return ModelFile(name=name, path=str(path), size=file.content.size, digest=str(file.content.digest))


def model_environment(cache: VerifiedCache) -> dict[str, str]:
    """Return the environment of a child: no secret, no network, no file of the user's home folder."""
    offline = runtime_environment(cache.root / layout.HF_HOME)
    return child_environment(**{**offline, "HF_HUB_CACHE": os.devnull, "HOME": os.devnull})


def _require_language(cache: VerifiedCache, model: TranscriptionModel, options: TranscriptionOptions) -> None:
    """Raise UsageError if the options need a language that the model does not know."""
    if options.language in (None, "en") and options.task == "transcribe":
        return
    if not model.is_multilingual(cache):
        message = f"{model.name} knows only English"
        if options.task == "translate":
            message = f"{model.name} cannot translate: it knows only English"
        hint = "use a multilingual model, whose name does not end in .en: --model small, if the cache holds it"
        raise UsageError(message, hint=hint)
