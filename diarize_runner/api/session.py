"""A session: a loaded pipeline for Python callers.

    with diarize_runner.open_session() as session:
        session.diarize("call.wav", num_speakers=2).write("call.rttm")
        session.label("call.wav", "call.json").write("call.srt")
        session.run("call.wav").write("call.html")
        session.enroll("Ada", ["ada-1.wav", "ada-2.wav"], "voices.json")
    with diarize_runner.open_session(voices="voices.json") as session:
        session.run("call.wav").write("call.srt")  # [Ada] Hello

Leaving the block frees the models.
"""

import gc
import threading
from collections.abc import Sequence
from contextvars import copy_context
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.api.arguments import SpeakersPerChannel, to_audio, to_current_voices, to_recordings, to_task
from diarize_runner.api.caller_progress import CallerProgress
from diarize_runner.api.enrolment import Enrolment
from diarize_runner.api.results import (
    DiarizationResult,
    LabelledResult,
    Origin,
    origin_of,
    to_diarization_result,
    to_labelled_result,
)
from diarize_runner.cache.box.default_folder import default_folder
from diarize_runner.cache.box.open import open_cache
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.diarization.engines import AUTO, DEVICES, ENGINES, Engine
from diarize_runner.errors import UsageError
from diarize_runner.jobs.batch import BatchSession
from diarize_runner.jobs.current_voices import CurrentVoices
from diarize_runner.jobs.job import Job, Result
from diarize_runner.jobs.naming import DiarizingSession
from diarize_runner.jobs.session import Session, load_session
from diarize_runner.jobs.transcribing import TranscribingSession, TranscriptSession, open_transcriber
from diarize_runner.progress import NoProgress, Progress
from diarize_runner.transcript.assign import DEFAULT_RULES
from diarize_runner.transcript.rules import Rules
from diarize_runner.transcription.options import DEFAULT_OPTIONS, TranscriptionOptions
from diarize_runner.voices.matching import DEFAULT_THRESHOLD

if TYPE_CHECKING:
    from diarize_runner.api.arguments import AudioInput
    from diarize_runner.transcription.transcriber import Transcriber

_NO_PROGRESS = NoProgress()


def open_session(
    cache: str | Path | None = None,
    device: str = "auto",
    engine: Engine = AUTO,
    *,
    progress: Progress = _NO_PROGRESS,
    voices: str | Path | None = None,
    voice_threshold: float = DEFAULT_THRESHOLD,
) -> "OpenSession":
    """Verify the cache and load its pipeline.

    `cache` is a restored cache folder; the default is $DIARIZE_RUNNER_CACHE, then /var/lib/diarize-runner/cache.
    `device` is `cuda`, `cpu` or `auto` (cuda if there is a GPU). `engine` is `stock`, `exact`, `fast` or `auto`: fast
    for the embedded models, else exact. `progress.advance` is called during loads and runs. `voices` is a file of
    enrolled voices, after which the speakers of all results are named; each call reads it again. `voice_threshold` is
    the least cosine, above 0 and at most 1, between a speaker and the voice that names the speaker.

    A load changes the environment, home and working folder of the process, then restores them.

    Raises:
        UsageError: the device or engine is unknown, the file of voices cannot be read, or other users can read it.
        ManifestError: the file of voices is damaged.
        VoiceError: another model made the voices.
        IntegrityError: the cache differs from what was published, or other users can change it.
        DeviceUnavailable: cuda is requested but not available.
        PipelineError: the pipeline cannot be loaded.
    """
    _require_one_of("device", device, DEVICES)
    _require_one_of("engine", engine, ENGINES)
    current = to_current_voices(voices, voice_threshold)
    verified = open_cache(Path(cache) if cache else default_folder(), progress)
    session = load_session(verified, device, engine)
    if current:
        current.session(lambda: session)
    return OpenSession(session, progress, verified, current)


class OpenSession:
    """A pipeline that stays loaded until `close` or the end of the block; it processes one recording at a time."""

    def __init__(
        self, session: Session, progress: Progress, cache: VerifiedCache, voices: CurrentVoices | None
    ) -> None:
        self._session: Session | None = session
        self._progress, self._cache, self._voices = progress, cache, voices
        self._transcriber: Transcriber | None = None
        self._lock = threading.Lock()

    def diarize(  # noqa: PLR0913  # keyword-only, like command-line options
        self,
        audio: "AudioInput",
        *,
        sample_rate: int | None = None,
        channel: int | None = None,
        stream: int | None = None,
        num_speakers: int | None = None,
        min_speakers: int | None = None,
        max_speakers: int | None = None,
        speakers_per_channel: SpeakersPerChannel = None,
    ) -> DiarizationResult:
        """Return who spoke when.

        `audio` is a file that FFmpeg can decode, or samples, which need `sample_rate` in Hz. `channel` counts
        from 1; without it all channels are mixed. `stream` counts audio streams from 1. `speakers_per_channel` tells
        speakers apart by channel: with 1, each channel has one speaker, such as `CHANNEL_1`.

        Raises:
            UsageError: the arguments contradict each other.
            AudioError: the recording cannot be decoded.
            PipelineError: the pipeline failed, or a library tried to reach the network.
        """
        task = to_task(num_speakers, min_speakers, max_speakers, speakers_per_channel)
        source = to_audio(
            audio, sample_rate=sample_rate, channel=channel, stream=stream, per_channel=speakers_per_channel
        )
        result, origin = self._run(Job(audio=source, task=task))
        return to_diarization_result(result, origin)

    def label(  # noqa: PLR0913  # keyword-only, like command-line options
        self,
        audio: "AudioInput",
        transcript: str | Path,
        *,
        sample_rate: int | None = None,
        channel: int | None = None,
        stream: int | None = None,
        num_speakers: int | None = None,
        min_speakers: int | None = None,
        max_speakers: int | None = None,
        speakers_per_channel: SpeakersPerChannel = None,
        rules: Rules = DEFAULT_RULES,
    ) -> LabelledResult:
        """Return who said what. `transcript` is JSON of a transcriber, SRT, WebVTT or STM; the rest is as in `diarize`.

        Raises:
            TranscriptError: the transcript cannot be read.
        """
        task = to_task(num_speakers, min_speakers, max_speakers, speakers_per_channel)
        source = to_audio(
            audio, sample_rate=sample_rate, channel=channel, stream=stream, per_channel=speakers_per_channel
        )
        job = Job(audio=source, transcript=Path(transcript).absolute(), task=task, rules=rules)
        result, origin = self._run(job)
        return to_labelled_result(result, origin)

    def transcribe(  # keyword-only, like command-line options
        self,
        audio: "AudioInput",
        *,
        sample_rate: int | None = None,
        channel: int | None = None,
        stream: int | None = None,
        options: TranscriptionOptions = DEFAULT_OPTIONS,
    ) -> LabelledResult:
        """Return what was said, without speakers. The model stays loaded for the next call with the same options.

        Raises:
            UsageError: the cache has no such model, or the model does not know the language.
            AudioError: the recording cannot be decoded.
            PipelineError: the transcription failed.
        """
        source = to_audio(audio, sample_rate=sample_rate, channel=channel, stream=stream, per_channel=None)
        job = Job(audio=source)
        with self._lock:
            session = self._require_open()
            transcriber = self._prepare_transcriber(session, options)
            only = TranscriptSession(transcriber=transcriber, manifest=session.manifest)
            result = only.run(job.load(), self._caller_progress())
        return to_labelled_result(result, origin_of(job, result))

    def run(  # noqa: PLR0913  # keyword-only, like command-line options
        self,
        audio: "AudioInput",
        *,
        sample_rate: int | None = None,
        channel: int | None = None,
        stream: int | None = None,
        num_speakers: int | None = None,
        min_speakers: int | None = None,
        max_speakers: int | None = None,
        speakers_per_channel: SpeakersPerChannel = None,
        rules: Rules = DEFAULT_RULES,
        options: TranscriptionOptions = DEFAULT_OPTIONS,
    ) -> LabelledResult:
        """Transcribe, diarize, and return who said what; arguments and errors are as in `transcribe` and `label`."""
        task = to_task(num_speakers, min_speakers, max_speakers, speakers_per_channel)
        source = to_audio(
            audio, sample_rate=sample_rate, channel=channel, stream=stream, per_channel=speakers_per_channel
        )
        job = Job(audio=source, task=task, rules=rules)
        with self._lock:
            session = self._require_open()
            both = TranscribingSession(transcriber=self._prepare_transcriber(session, options), session=session)
            result = self._naming(both).run(job.load(), self._caller_progress())
        return to_labelled_result(result, origin_of(job, result))

    def enroll(
        self,
        name: str,
        recordings: str | Path | Sequence[str | Path],
        voices_file: str | Path,
        *,
        channel: int | None = None,
        stream: int | None = None,
    ) -> float:
        """Keep the voice of a person in a file of voices; return the seconds of speech that it was made from.

        `recordings` are one or several files in which only this person speaks, 10 to 30 s together; their voices are
        averaged; `channel` and `stream` are as in `diarize`. `voices_file` is created if it is missing, readable for
        you only: a voice is biometric data. Sessions that were opened with it know the person from their next call on.

        Raises:
            UsageError: the name is a label or unreadable, the file has a voice of it, or other users can read the file.
            ManifestError: the file is damaged.
            AudioError: a recording cannot be decoded.
            VoiceError: several people speak, one for less than 3 s, or another model made the voices in the file.
            PipelineError: the pipeline failed on a recording.
            DiskError: the file cannot be written.
        """
        enrolment = Enrolment.prepare(name, to_recordings(recordings, channel=channel, stream=stream), voices_file)
        with self._lock:
            return enrolment.run(self._require_open().diarizer, self._caller_progress())

    def close(self) -> None:
        """Wait for the current recording, then free the models. A closed session refuses all calls.

        A traceback keeps the models that its frames refer to alive, and a notebook keeps the last traceback.
        """
        with self._lock:
            session, self._session = self._session, None
            transcriber, self._transcriber = self._transcriber, None
        if transcriber:
            transcriber.close()
        if session is None:
            return
        device = session.diarizer.device
        del session
        gc.collect()  # a pipeline's parts form reference cycles
        if device == "cuda":
            import torch

            torch.cuda.empty_cache()

    def __enter__(self) -> "OpenSession":  # noqa: PYI034  # typing.Self needs Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, job: Job) -> tuple[Result, Origin]:
        with self._lock:
            result = self._naming(self._require_open()).run(job.load(), self._caller_progress())
        return result, origin_of(job, result)

    def _require_open(self) -> Session:
        if self._session is None:
            raise UsageError("this session is closed", hint="open a new one: diarize_runner.open_session()")
        return self._session

    def _naming(self, session: DiarizingSession) -> BatchSession:
        """Return a session that names speakers after the voices, as their file has them now; raises as opening does."""
        return self._voices.session(lambda: session) if self._voices else session

    def _prepare_transcriber(self, session: Session, options: TranscriptionOptions) -> "Transcriber":
        """Return the transcriber of the last call if it has these options; else end it, and open another."""
        if options.device == "auto":
            options = replace(options, device=session.diarizer.device)
        if self._transcriber is None or self._transcriber.requested != options:
            opened = open_transcriber(self._cache, options)
            if self._transcriber:
                self._transcriber.close()
            self._transcriber = opened
        return self._transcriber

    def _caller_progress(self) -> CallerProgress:
        return CallerProgress(progress=self._progress, context=copy_context())


def _require_one_of(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(f"{what}={value!r} is not one of {', '.join(known)}")
