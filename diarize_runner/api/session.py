"""A loaded pipeline for Python callers.

    with diarize_runner.open_session() as session:
        session.diarize("call.wav", num_speakers=2).write("call.rttm")
        session.label("call.wav", "call.json").write("call.srt")

The end of the block frees the models.
"""

import gc
import threading
from contextlib import AbstractContextManager, nullcontext
from contextvars import Context, copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.api.results import DiarizationResult, LabelledResult, Origin, diarization_of, transcript_of
from diarize_runner.cache.box.open import open_cache
from diarize_runner.cache.box.usual_folder import usual_folder
from diarize_runner.diarization.engines import DEVICES, ENGINES, EXACT, Engine
from diarize_runner.diarization.turns import SpeakerHints
from diarize_runner.errors import UsageError
from diarize_runner.jobs.audio import Audio, AudioFile, Samples
from diarize_runner.jobs.job import FindSpeakers, Job, Result
from diarize_runner.jobs.session import Session, load_session
from diarize_runner.progress import Progress, Silent, Whole
from diarize_runner.transcript.assign import DEFAULT_RULES
from diarize_runner.transcript.rules import Rules

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Sound = str | Path | npt.NDArray[np.float32]
    """A file, or mono samples of shape (samples,), whose full scale is 1."""

_SILENT = Silent()
_MOST_HERTZ = 1_000_000


def open_session(
    cache: str | Path | None = None,
    device: str = "auto",
    engine: Engine = EXACT,
    *,
    progress: Progress = _SILENT,
) -> "OpenSession":
    """Verify the cache and load its pipeline.

    `cache` is the folder that it was restored into: as for the command line, $DIARIZE_RUNNER_CACHE or else
    /var/lib/diarize-runner/cache. `device` is `cuda`, `cpu` or `auto`, which takes cuda where there is a GPU.
    `progress.advance` is called as the work goes on.

    A load changes the environment, the home and the working folder of the process, and puts them back when it ends.

    Raises:
        UsageError: there is no such device or engine.
        IntegrityError: the cache is not as it was published, or others could change it.
        DeviceUnavailable: cuda was asked for and is not there.
        PipelineError: the pipeline cannot be loaded.
    """
    _require_one_of("device", device, DEVICES)
    _require_one_of("engine", engine, ENGINES)
    verified = open_cache(Path(cache) if cache else usual_folder(), progress)
    return OpenSession(load_session(verified, device, engine), progress)


class OpenSession:
    """A pipeline that is loaded until `close`, or until the block ends; it hears one recording at a time."""

    def __init__(self, session: Session, progress: Progress) -> None:
        self._session: Session | None = session
        self._progress = progress
        self._one_at_a_time = threading.Lock()

    def diarize(
        self,
        audio: "Sound",
        *,
        sample_rate: int | None = None,
        channel: int | None = None,
        num_speakers: int | None = None,
        min_speakers: int | None = None,
        max_speakers: int | None = None,
    ) -> DiarizationResult:
        """Say who spoke when.

        `audio` is a file of any format that FFmpeg reads, or samples, which need a `sample_rate` in Hz. `channel`
        counts from 1; all are mixed without it.

        Raises:
            UsageError: the arguments contradict each other.
            AudioError: the recording cannot be decoded.
            PipelineError: the pipeline failed on it, or something tried to reach the network.
        """
        task = FindSpeakers(hints=_hints(num_speakers, min_speakers, max_speakers))
        result, origin = self._run(Job(audio=_audio(audio, sample_rate, channel), task=task))
        return diarization_of(result, origin)

    def label(  # noqa: PLR0913  # each has a name, as a command's options have
        self,
        audio: "Sound",
        transcript: str | Path,
        *,
        sample_rate: int | None = None,
        channel: int | None = None,
        num_speakers: int | None = None,
        min_speakers: int | None = None,
        max_speakers: int | None = None,
        rules: Rules = DEFAULT_RULES,
    ) -> LabelledResult:
        """Say who said what: `transcript` is JSON of a Whisper, SRT, WebVTT or STM. All else is as for `diarize`.

        Raises:
            TranscriptError: the transcript cannot be read.
        """
        task = FindSpeakers(hints=_hints(num_speakers, min_speakers, max_speakers))
        source, said = _audio(audio, sample_rate, channel), Path(transcript).absolute()
        result, origin = self._run(Job(audio=source, transcript=said, task=task, rules=rules))
        return transcript_of(result, origin)

    def close(self) -> None:
        """Free the models; wait first until the current recording is done. A closed session refuses all calls.

        The traceback of an error holds the models that it passed through, and a notebook keeps the last traceback.
        """
        with self._one_at_a_time:
            session, self._session = self._session, None
        if session is None:
            return
        device = session.diarizer.device
        del session
        gc.collect()  # a pipeline's parts refer to each other
        if device == "cuda":
            import torch

            torch.cuda.empty_cache()

    def __enter__(self) -> "OpenSession":  # noqa: PYI034  # typing.Self needs Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, job: Job) -> tuple[Result, Origin]:
        with self._one_at_a_time:
            if self._session is None:
                raise UsageError("this session is closed", hint="open another: diarize_runner.open_session()")
            progress = _Listened(to=self._progress, context=copy_context())
            result = self._session.run(job.hear(), progress)
        recording = job.audio.path if isinstance(job.audio, AudioFile) else None
        return result, Origin(provenance=result.provenance, recording=recording, transcript=job.transcript)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Listened:
    """A progress that hears how far the work is, and of nothing else."""

    to: Progress
    context: Context
    """The caller's, in which it may print and ask the web, as the pipeline may not."""

    def advance(self, stage: str, *, completed: int, total: int, whole: Whole | None = None) -> None:  # noqa: ARG002
        self.context.run(self.to.advance, stage, completed=completed, total=total)

    def tell(self, line: str) -> None:
        pass

    def paused(self) -> AbstractContextManager[None]:
        return nullcontext()


def _audio(audio: "Sound", sample_rate: int | None, channel: int | None) -> Audio:
    if isinstance(audio, (str, Path)):
        if sample_rate is not None:
            raise UsageError("a file says its sample rate itself", hint="leave sample_rate out")
        if channel is not None and channel < 1:
            raise UsageError(f"there is no channel {channel}", hint="they are counted from 1")
        return AudioFile(path=Path(audio).absolute(), channel=channel)
    import numpy as np

    samples = np.asarray(audio)
    if sample_rate is None or channel is not None:
        raise UsageError("samples need a sample_rate, and have one channel", hint="as in sample_rate=16000")
    if not isinstance(sample_rate, int) or not 1 <= sample_rate <= _MOST_HERTZ:
        raise UsageError(f"sample_rate={sample_rate!r} is not a whole number of Hz", hint="as in sample_rate=16000")
    if not np.issubdtype(samples.dtype, np.floating):
        hint = "of 16 bits: (samples / 32768).astype(numpy.float32)"
        raise UsageError(f"samples of {samples.dtype}, and not of float32 with a full scale of 1", hint=hint)
    return Samples(waveform=samples.astype(np.float32, copy=False), sample_rate=sample_rate, uri="samples")


def _hints(exactly: int | None, least: int | None, most: int | None) -> SpeakerHints:
    if exactly and (least or most):
        raise UsageError("num_speakers leaves no room for min_speakers or max_speakers", hint="drop one of them")
    if least and most and least > most:
        raise UsageError(f"min_speakers={least} is more than max_speakers={most}", hint="swap them?")
    if any(number is not None and number < 1 for number in (exactly, least, most)):
        raise UsageError("a number of speakers begins at 1", hint="leave out what is not known")
    return SpeakerHints(exactly=exactly, at_least=least, at_most=most)


def _require_one_of(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(f"{what}={value!r} is not one of {', '.join(known)}")
