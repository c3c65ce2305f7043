"""Sessions that transcribe each recording: alone, or to label it.

On the CPU, transcription and diarization run side by side, which takes two thirds of the time on two cores
(docs/benchmarks.md): neither keeps all cores busy. On a GPU, where that is not measured, they run one after the other.
"""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from diarize_runner.cache.box.open import open_cache
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.cache.documents.manifest import CacheManifest
from diarize_runner.diarization.turns import Diarization
from diarize_runner.jobs.device_lock import device_turn, device_turns, transcription_device
from diarize_runner.jobs.job import LoadedJob, Result
from diarize_runner.jobs.provenance import provenance_of_transcript, transcription_reference
from diarize_runner.jobs.session import Session, SessionOpener
from diarize_runner.jobs.stage_timer import Timing
from diarize_runner.progress import ConsoleProgress, Progress, duration
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript, LabelledWord, Segment, Word
from diarize_runner.transcription.options import TranscriptionOptions

if TYPE_CHECKING:
    from diarize_runner.diarization.engine import Diarizer
    from diarize_runner.transcription.transcriber import Transcriber

_ENGINE: Final = "faster_whisper"
_PREFIX: Final = "transcribe and "
_POLL_SECONDS: Final = 0.25


@dataclass(frozen=True, kw_only=True, slots=True)
class TranscriptSession:
    """Transcribes each recording, without speakers."""

    transcriber: "Transcriber"
    manifest: CacheManifest

    def announce(self, loaded: LoadedJob, progress: ConsoleProgress) -> None:
        """Print what is about to run."""
        progress.print_line(f"{loaded.recording.uri}: {duration(loaded.recording.duration)} of audio")

    def run(self, loaded: LoadedJob, progress: ConsoleProgress) -> Result:
        """Return the transcript; its diarization is empty. Raises as `Transcriber.transcribe` does."""
        with device_turn(transcription_device(self.transcriber.requested.device), progress):
            transcribed, seconds = transcribe(loaded, self.transcriber, progress)
        recording = transcribed.recording
        timing = Timing(
            uri=recording.uri, audio_seconds=recording.duration, estimated_seconds=None, processing_seconds=seconds
        )
        provenance = provenance_of_transcript(transcribed, self.manifest)
        return Result(labelled=_without_speakers(transcribed), provenance=provenance, timing=timing)


@dataclass(frozen=True, kw_only=True, slots=True)
class TranscribingSession:
    """Transcribes each recording that has no transcript, then diarizes and labels it."""

    transcriber: "Transcriber"
    session: Session

    @property
    def diarizer(self) -> "Diarizer":
        """The loaded pipeline."""
        return self.session.diarizer

    def announce(self, loaded: LoadedJob, progress: ConsoleProgress) -> None:
        """Print what is about to run, and how long it takes."""
        self._session_for(loaded).announce(loaded, progress)

    def run(self, loaded: LoadedJob, progress: ConsoleProgress) -> Result:
        """Return the labelled transcript. Raises as `Transcriber.transcribe` and `Session.run` do."""
        if loaded.has_transcript:
            return self.session.run(loaded, progress)
        run_stages = _side_by_side if self._has_free_cores else _one_after_the_other
        with device_turns(self._devices, progress), self._session_for(loaded).timed(loaded, progress) as timer:
            found = run_stages(self, loaded, timer)
        result = self.session.result(found.transcribed, found.diarization, timer.timing)
        return replace(result, transcription_seconds=found.transcription_seconds)

    def _session_for(self, loaded: LoadedJob) -> Session:
        """Return the session, with the processing times of what the recording needs."""
        return self.session if loaded.has_transcript else replace(self.session, prefix=_PREFIX)

    @property
    def _has_free_cores(self) -> bool:
        """Whether both stages run on the CPU, which has cores for both."""
        return self._devices == {"cpu"} and len(os.sched_getaffinity(0)) > 1

    @property
    def _devices(self) -> set[str]:
        """Return the devices of both stages."""
        return {self.session.diarizer.device, transcription_device(self.transcriber.requested.device)}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """The outcome of both stages."""

    transcribed: LoadedJob
    transcription_seconds: float
    diarization: Diarization


def _one_after_the_other(both: TranscribingSession, loaded: LoadedJob, timer: Progress) -> _Found:
    transcribed, seconds = transcribe(loaded, both.transcriber, timer)
    diarization = both.session.diarize(loaded, timer)
    return _Found(transcribed=transcribed, transcription_seconds=seconds, diarization=diarization)


def _side_by_side(both: TranscribingSession, loaded: LoadedJob, timer: Progress) -> _Found:
    """Transcribe in a thread; report the diarization first, then what is left of the transcription."""
    both.transcriber.start()  # in this thread: the child process dies with the thread that starts it
    latest = _LatestProgress()
    with ThreadPoolExecutor(1, "transcribe") as pool:
        transcribing = pool.submit(transcribe, loaded, both.transcriber, latest)
        try:
            diarization = both.session.diarize(loaded, timer)
            while not wait([transcribing], _POLL_SECONDS).done:
                latest.repeat(timer)
            latest.repeat(timer)
        except BaseException:
            while not wait([transcribing], _POLL_SECONDS).done:  # again: it may not have begun yet
                both.transcriber.cancel()
            raise
    transcribed, seconds = transcribing.result()
    return _Found(transcribed=transcribed, transcription_seconds=seconds, diarization=diarization)


class _LatestProgress:
    """Keeps what a thread reports, for the thread that may show it."""

    def __init__(self) -> None:
        self._latest: tuple[str, int, int] | None = None

    def advance(self, stage: str, *, completed: int, total: int) -> None:
        """Keep the progress of a stage."""
        self._latest = stage, completed, total

    def repeat(self, progress: Progress) -> None:
        """Report what was kept last."""
        if self._latest:
            stage, completed, total = self._latest
            progress.advance(stage, completed=completed, total=total)


@dataclass(frozen=True, kw_only=True, slots=True)
class TranscriptOpener:
    """Opens the session of a command that transcribes; several recordings share it."""

    folder: Path
    """Of the cache."""
    options: TranscriptionOptions
    progress: ConsoleProgress
    enter: Callable[[AbstractContextManager["Transcriber"]], "Transcriber"]
    """Enters a context that ends with the command."""

    def open_for(self, first: LoadedJob) -> TranscriptSession:
        """Announce the first recording, and open the session. Raises as `open_cache` and `open_transcriber` do."""
        cache = open_cache(self.folder, self.progress)
        session = TranscriptSession(
            transcriber=self.enter(open_transcriber(cache, self.options)), manifest=cache.manifest
        )
        session.announce(first, self.progress)
        return session


@dataclass(frozen=True, kw_only=True, slots=True)
class TranscribingOpener:
    """Opens the session of a command that transcribes and diarizes."""

    opener: SessionOpener
    options: TranscriptionOptions
    enter: Callable[[AbstractContextManager["Transcriber"]], "Transcriber"]
    """Enters a context that ends with the command."""

    def open(self) -> TranscribingSession:
        """Verify the cache once, check the options, and load the pipeline.

        Raises as `open_cache`, `open_transcriber` and `SessionOpener.open` do.
        """
        return self._open(SessionOpener.open)

    def open_for(self, first: LoadedJob) -> TranscribingSession:
        """Do the same, and announce the first recording."""
        return self._open(lambda opener: opener.open_for(first))

    def _open(self, open_session: Callable[[SessionOpener], Session]) -> TranscribingSession:
        cache = self.opener.verified or open_cache(self.opener.folder, self.opener.progress)
        transcriber = self.enter(open_transcriber(cache, self.options))
        opener = replace(self.opener, verified=cache, prefix=_PREFIX)
        return TranscribingSession(transcriber=transcriber, session=open_session(opener))


def open_transcriber(cache: VerifiedCache, options: TranscriptionOptions) -> "Transcriber":
    """Return a transcriber.

    Raises:
        UsageError: the cache has no model that does what the options request, or there is no environment to align in.
        ModuleNotFoundError: faster-whisper is not installed.
    """
    if find_spec(_ENGINE) is None:  # only the child process imports it
        raise ModuleNotFoundError(f"No module named {_ENGINE!r}", name=_ENGINE)
    if options.align:
        from diarize_runner.alignment.environment import find_interpreter
        from diarize_runner.alignment.transcriber import AligningTranscriber

        return AligningTranscriber(cache, options, find_interpreter())
    from diarize_runner.transcription.transcriber import Transcriber

    return Transcriber(cache, options)


def transcribe(
    loaded: LoadedJob,
    transcriber: "Transcriber",
    progress: Progress,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[LoadedJob, float]:
    """Return the job with its transcript, and the seconds that took. Raises as `Transcriber.transcribe` does."""
    began = clock()
    made = transcriber.transcribe(loaded.recording, progress)
    seconds = clock() - began
    return replace(loaded, transcript=made.transcript, transcription=transcription_reference(made)), seconds


def _without_speakers(loaded: LoadedJob) -> LabelledTranscript:
    transcript, uri = loaded.transcript, loaded.recording.uri
    return LabelledTranscript(
        uri=uri,
        segments=tuple(map(_segment, transcript.segments)),
        diarization=Diarization(uri=uri, turns=(), exclusive_turns=()),
        language=transcript.language,
        warnings=(*loaded.recording.warnings, *transcript.warnings),
    )


def _segment(segment: Segment) -> LabelledSegment:
    return LabelledSegment(
        start=segment.start, end=segment.end, text=segment.text, speaker=None, words=_words(segment.words)
    )


def _words(words: Sequence[Word]) -> tuple[LabelledWord, ...]:
    return tuple(
        LabelledWord(
            start=word.start,
            end=word.end,
            text=word.text,
            interpolated=word.interpolated,
            score=word.score,
            speaker=None,
        )
        for word in words
    )
