"""Align transcripts with one child process, which keeps its model loaded."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from diarize_runner.alignment.models import AlignmentModel, select_alignment_model
from diarize_runner.alignment.protocol import (
    AlignedWords,
    AlignerLoaded,
    AlignmentEvent,
    AlignmentModelFiles,
    AlignmentRequest,
    decode_event,
)
from diarize_runner.alignment.words import align_segment, utterances
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.errors import Interrupted, PipelineError
from diarize_runner.progress import Progress
from diarize_runner.transcript.formats.provenance import AlignmentReference
from diarize_runner.transcription.process import ChildProgram, ModelProcess
from diarize_runner.transcription.protocol import Failed
from diarize_runner.transcription.times import repair_times
from diarize_runner.transcription.transcriber import (
    Deadline,
    Transcription,
    model_environment,
    model_file,
    read_document,
)

if TYPE_CHECKING:
    from diarize_runner.diarization.audio import Recording

_CHILD: Final = "diarize_runner.alignment.child"
_PACKAGE: Final = Path(__file__).absolute().parents[1]
_STAGE: Final = "alignment"
_DEADLINE: Final = Deadline()
_SLOW_HINT: Final = "use a GPU, or leave out --align"
_MEMORY_HINT: Final = "if memory ran out, leave out --align"
_START: Final = """
import importlib.util, runpy, sys
folder, module = sys.argv[1:3]
del sys.argv[1:3]
found = importlib.util.spec_from_file_location(
    "diarize_runner", f"{folder}/__init__.py", submodule_search_locations=[folder]
)
sys.modules["diarize_runner"] = package = importlib.util.module_from_spec(found)
found.loader.exec_module(package)
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""
"""Gives the other interpreter this package, but not the packages beside it."""


class Aligner:
    """Aligns one transcript at a time; `close` ends the child process, and frees its memory."""

    def __init__(self, cache: VerifiedCache, python: Path, *, deadline: Deadline = _DEADLINE) -> None:
        self._cache, self._python, self._deadline = cache.relocated_to(cache.root.absolute()), python, deadline
        self._process: ModelProcess | None = None
        self._folder: TemporaryDirectory[str] | None = None
        self._is_cancelled = False

    def align(self, made: Transcription, recording: "Recording", progress: Progress) -> Transcription:
        """Return the transcription with new times for its words.

        A segment that cannot be aligned keeps the times of Whisper, and a warning counts those.

        Raises:
            UsageError: the cache has no model for the language of the transcript.
            PipelineError: the alignment failed, or took longer than the deadline.
            IntegrityError: a file of the model has changed since it was verified.
            Interrupted: `cancel` was called.
        """
        self._is_cancelled = False
        document = json.loads(made.document)
        segments, language = document["segments"], document["language"]
        if not segments:
            return made
        model = select_alignment_model(self._cache.manifest, language)
        loaded, answers = self._ask(_request(self._cache, model, made, segments, recording), recording, progress)
        pairs = zip(segments, answers, strict=True)
        aligned = [align_segment(segment, words, language) for segment, words in pairs]
        kept = [new or old for new, old in zip(aligned, segments, strict=True)]
        document["segments"] = repair_times(kept, recording.duration)
        warnings = (*made.transcript.warnings, *_count_unaligned(aligned))
        transcript, data = read_document(document, recording, warnings)
        return replace(made, transcript=transcript, document=data, alignment=_reference(model, made.device, loaded))

    def cancel(self) -> None:
        """Stop the transcript of another thread, which raises Interrupted, and free the memory."""
        self._is_cancelled = True
        if self._process:
            self._process.interrupt()

    def close(self) -> None:
        """End the child process, and remove its temporary files."""
        process, self._process = self._process, None
        folder, self._folder = self._folder, None
        if process:
            process.kill()
        if folder:
            folder.cleanup()

    def _ask(
        self, request: AlignmentRequest, recording: "Recording", progress: Progress
    ) -> tuple[AlignerLoaded, list[Sequence[Mapping[str, Any]]]]:
        """Return the answer to a request; end the child if it does not finish."""
        answers, total, is_finished = list[Sequence[Mapping[str, Any]]](), len(request.utterances), False
        loaded = AlignerLoaded(packages={})
        progress.advance(_STAGE, completed=0, total=total)
        try:
            for event in self._events(request, recording):
                if isinstance(event, Failed):
                    raise event.error
                if isinstance(event, AlignedWords):
                    answers.append(event.words)
                    progress.advance(_STAGE, completed=len(answers), total=total)
                else:
                    loaded = event
                if is_finished := len(answers) == total:
                    break
        except PipelineError as reason:
            if self._is_cancelled:
                raise Interrupted("the alignment was cancelled") from reason
            raise
        finally:
            if not is_finished:
                self.close()
        if self._process:
            self._process.release_samples()
        return loaded, answers

    def start(self) -> None:
        """Start the child process, if there is none; the kernel ends it with the thread that starts it."""
        if self._process and not self._process.is_running:
            self.close()
        if self._process is None:
            self._folder = TemporaryDirectory(prefix="diarize-runner-")  # a killed child removes nothing
            self._process = ModelProcess(self._program(self._folder.name))

    def _events(self, request: AlignmentRequest, recording: "Recording") -> Iterator[AlignmentEvent]:
        self.start()
        assert self._process  # noqa: S101  # just started
        seconds = self._deadline.seconds(recording.duration)
        yield from self._process.ask(request.encode(), recording.waveform, seconds, decode_event)

    def _program(self, temporary: str) -> ChildProgram:
        return ChildProgram(
            command=(str(self._python), "-I", "-W", "ignore", "-c", _START, str(_PACKAGE), _CHILD),
            environment={**model_environment(self._cache), "TMPDIR": temporary},
            name="aligner",
            task=_STAGE,
            slow_hint=_SLOW_HINT,
            memory_hint=_MEMORY_HINT,
        )


def _request(
    cache: VerifiedCache,
    model: AlignmentModel,
    made: Transcription,
    segments: Sequence[Mapping[str, Any]],
    recording: "Recording",
) -> AlignmentRequest:
    files = tuple(model_file(cache, model.repo, name, file) for name, file in model.files.items())
    sentences = model_file(cache, model.sentences_repo, model.sentences.path, model.sentences)
    return AlignmentRequest(
        load=AlignmentModelFiles(language=model.language, files=files, sentences=sentences, device=made.device),
        samples=len(recording.waveform),
        utterances=utterances(segments, model.language, recording.duration),
    )


def _reference(model: AlignmentModel, device: str, loaded: AlignerLoaded) -> AlignmentReference:
    return AlignmentReference(
        model=model.repo.repo_id, commit_hash=model.repo.commit_hash, device=device, packages=loaded.packages
    )


def _count_unaligned(aligned: Sequence[object]) -> tuple[str, ...]:
    count = sum(each is None for each in aligned)
    if not count:
        return ()
    return (f"{count} of {len(aligned)} segments could not be aligned: their words keep the times of Whisper",)
