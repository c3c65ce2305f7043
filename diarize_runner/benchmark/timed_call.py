"""Time each stage of diarizing one recording, from audio file to output files."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from diarize_runner.benchmark.item import WorkItem
from diarize_runner.benchmark.measurement import Call, MemorySample
from diarize_runner.benchmark.memory import read_peaks, reset_peaks
from diarize_runner.benchmark.stage_timer import Clock, StageTimer
from diarize_runner.diarization.engine import Diarizer
from diarize_runner.diarization.turns import Diarization
from diarize_runner.jobs.audio import AudioFile
from diarize_runner.jobs.job import DiarizationTask, Job, LoadedJob, run_timed
from diarize_runner.jobs.outputs import HTML_AUDIO, Outputs
from diarize_runner.jobs.transcribing import transcribe
from diarize_runner.progress import NoProgress
from diarize_runner.transcript.formats.registry import FORMATS
from diarize_runner.transcript.model import Transcript

if TYPE_CHECKING:
    from diarize_runner.transcription.transcriber import Transcriber

_Value = TypeVar("_Value")


@dataclass(frozen=True, kw_only=True, slots=True)
class CallResult:
    """The output and timing of one call."""

    audio_seconds: float
    call: Call
    diarization: Diarization
    memory_over_time: tuple[MemorySample, ...] = ()
    transcript: Transcript | None = None
    """None unless the call transcribes."""
    transcriber: str | None = None
    """The transcription model and its precision."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TimedDiarizer:
    """A diarizer with a stage timer, perhaps a transcriber, and a folder for outputs."""

    diarizer: Diarizer
    stage_timer: StageTimer
    folder: Path
    transcriber: "Transcriber | None" = None
    clock: Clock = time.perf_counter

    def run(self, item: WorkItem) -> CallResult:
        """Decode, transcribe if requested, diarize, label a transcript, and write; raise what these raise."""
        job = Job(audio=AudioFile(path=item.audio), transcript=item.transcript, task=DiarizationTask(hints=item.hints))
        transcript = job.read_transcript()
        reset_peaks(self.diarizer.device)
        recording, decoding = self._timed(job.audio.decode)
        loaded, transcribing = self._transcribe(LoadedJob(job=job, recording=recording, transcript=transcript))
        diarization, call = self._diarize(loaded)
        labelled, labelling = self._timed(lambda: loaded.label(diarization))
        _, writing = self._timed(lambda: self._outputs(loaded).write(labelled))
        label = labelling if loaded.has_transcript else None
        stages = replace(call.stages, decode=decoding, transcription=transcribing, label=label, write=writing)
        call = replace(call, stages=stages, memory=read_peaks(self.diarizer.device))
        made = loaded.transcription
        return CallResult(
            audio_seconds=recording.duration,
            call=call,
            diarization=diarization,
            transcript=loaded.transcript if made else None,
            transcriber=f"{made.model} {made.compute_type}" if made else None,
        )

    def _transcribe(self, loaded: LoadedJob) -> tuple[LoadedJob, float | None]:
        """Return the job with its transcript, and the seconds that took; None without a transcriber."""
        if self.transcriber is None:
            return loaded, None
        return transcribe(loaded, self.transcriber, NoProgress(), self.clock)

    def _diarize(self, loaded: LoadedJob) -> tuple[Diarization, Call]:
        self.stage_timer.clear()
        found = run_timed(loaded.job.task, self.diarizer, loaded.recording, NoProgress(), self.clock)
        call = Call(seconds=found.seconds, stages=self.stage_timer.stages(found.began, found.ended))
        return found.diarization, call

    def _outputs(self, loaded: LoadedJob) -> Outputs:
        kinds = ("rttm", "json") if loaded.has_transcript else ("rttm",)
        paths = {kind: self.folder / f"{loaded.recording.uri}{FORMATS[kind].suffix}" for kind in kinds}
        return Outputs(recording=None, paths=paths, formats=FORMATS, html_audio=HTML_AUDIO["none"])

    def _timed(self, work: Callable[[], _Value]) -> tuple[_Value, float]:
        start = self.clock()
        value = work()
        return value, self.clock() - start
