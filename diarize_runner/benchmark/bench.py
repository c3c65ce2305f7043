"""One recording through a loaded diarizer, from its file to the files that come of it, each stage on the clock."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from diarize_runner.benchmark.item import WorkItem
from diarize_runner.benchmark.marks import Clock, Marks
from diarize_runner.benchmark.measurement import Call, MemorySample
from diarize_runner.benchmark.memory import forget_peaks, peaks
from diarize_runner.diarization.engine import Diarizer
from diarize_runner.diarization.turns import Diarization
from diarize_runner.jobs.audio import AudioFile
from diarize_runner.jobs.job import FindSpeakers, Heard, Job, find
from diarize_runner.jobs.outputs import SOUNDS, Outputs
from diarize_runner.progress import Silent
from diarize_runner.transcript.formats.known import FORMATS

_Value = TypeVar("_Value")


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """What came of one call."""

    audio_seconds: float
    call: Call
    diarization: Diarization
    memory_over_time: tuple[MemorySample, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Bench:
    """A diarizer whose marks tell its stages, and a folder to write to."""

    diarizer: Diarizer
    marks: Marks
    folder: Path
    clock: Clock = time.perf_counter

    def run(self, item: WorkItem) -> Done:
        """Decode, diarize, label where there is a transcript, and write; raises as these do."""
        job = Job(audio=AudioFile(path=item.audio), transcript=item.transcript, task=FindSpeakers(hints=item.hints))
        transcript = job.read_transcript()
        forget_peaks(self.diarizer.device)
        recording, decoding = self._timed(job.audio.decode)
        heard = Heard(job=job, recording=recording, transcript=transcript)
        diarization, call = self._diarize(heard)
        labelled, labelling = self._timed(lambda: heard.label(diarization))
        _, writing = self._timed(lambda: self._outputs(heard).write(labelled))
        stages = replace(call.stages, decode=decoding, label=labelling if item.transcript else None, write=writing)
        call = replace(call, stages=stages, memory=peaks(self.diarizer.device))
        return Done(audio_seconds=recording.duration, call=call, diarization=diarization)

    def _diarize(self, heard: Heard) -> tuple[Diarization, Call]:
        self.marks.clear()
        found = find(heard.job.task, self.diarizer, heard.recording, Silent(), self.clock)
        call = Call(seconds=found.seconds, stages=self.marks.stages(found.began, found.ended))
        return found.diarization, call

    def _outputs(self, heard: Heard) -> Outputs:
        kinds = ("rttm", "json") if heard.job.transcript else ("rttm",)
        paths = {kind: self.folder / f"{heard.recording.uri}{FORMATS[kind].suffix}" for kind in kinds}
        return Outputs(recording=None, paths=paths, formats=FORMATS, sound=SOUNDS["none"])

    def _timed(self, work: Callable[[], _Value]) -> tuple[_Value, float]:
        start = self.clock()
        value = work()
        return value, self.clock() - start
