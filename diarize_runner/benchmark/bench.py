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
from diarize_runner.diarization.audio import Recording, decode
from diarize_runner.diarization.engine import Diarizer
from diarize_runner.diarization.turns import Diarization, SpeakerHints
from diarize_runner.disk import disk_errors, write_atomically
from diarize_runner.progress import Progress, Silent
from diarize_runner.transcript.assign import assign_speakers
from diarize_runner.transcript.formats import json, rttm
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.model import LabelledTranscript
from diarize_runner.transcript.read import read

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
        transcript = read(item.transcript) if item.transcript else None
        forget_peaks(self.diarizer.device)
        recording, decoding = self._timed(lambda: decode(item.audio))
        diarization, call = self._diarize(recording, item.hints)
        labelled, labelling = None, None
        if transcript:
            labelled, labelling = self._timed(lambda: assign_speakers(transcript, diarization))
        _, writing = self._timed(lambda: self._write(diarization, labelled))
        stages = replace(call.stages, decode=decoding, label=labelling, write=writing)
        call = replace(call, stages=stages, memory=peaks(self.diarizer.device))
        return Done(audio_seconds=recording.duration, call=call, diarization=diarization)

    def _diarize(self, recording: Recording, hints: SpeakerHints) -> tuple[Diarization, Call]:
        self.marks.clear()
        diarization, start, end = timed(self.diarizer, recording, hints, Silent(), self.clock)
        return diarization, Call(seconds=end - start, stages=self.marks.stages(start, end))

    def _write(self, diarization: Diarization, labelled: LabelledTranscript | None) -> None:
        path = self.folder / f"{diarization.uri}.rttm"
        with disk_errors(path):
            write_atomically(path, rttm.render(diarization).encode())
            if labelled:
                write_atomically(path.with_suffix(".json"), json.render(Document(transcript=labelled)).encode())

    def _timed(self, work: Callable[[], _Value]) -> tuple[_Value, float]:
        start = self.clock()
        value = work()
        return value, self.clock() - start


def timed(
    diarizer: Diarizer, recording: Recording, hints: SpeakerHints, progress: Progress, clock: Clock
) -> tuple[Diarization, float, float]:
    """Return the diarization, and the clock at the call and at the end of the device's work."""
    diarizer.synchronise()
    start = clock()
    diarization = diarizer.diarize(recording, hints, progress)
    diarizer.synchronise()
    return diarization, start, clock()
