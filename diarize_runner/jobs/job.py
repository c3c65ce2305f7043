"""The walk of one recording: decode, diarize, label.

An entry point that wants all of it calls `Session.run`; the benchmark and doctor, which time the parts, call the parts.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from diarize_runner.diarization.turns import NO_HINTS, Diarization, SpeakerHints
from diarize_runner.jobs.audio import Audio
from diarize_runner.jobs.watch import Timing
from diarize_runner.progress import Progress
from diarize_runner.transcript.assign import DEFAULT_RULES, assign_speakers
from diarize_runner.transcript.formats.provenance import Provenance
from diarize_runner.transcript.model import LabelledTranscript, Transcript
from diarize_runner.transcript.read import read
from diarize_runner.transcript.rules import Rules

if TYPE_CHECKING:
    from diarize_runner.diarization.audio import Recording
    from diarize_runner.diarization.engine import Diarizer

_NO_TRANSCRIPT = Transcript(segments=())


class Task(Protocol):
    """What is to be found in a recording."""

    @property
    def name(self) -> str:
        """By which its pace is kept."""

    @property
    def hints(self) -> SpeakerHints:
        """What is known of the speakers beforehand."""

    def turns(self, diarizer: "Diarizer", recording: "Recording", progress: Progress) -> Diarization:
        """Find it; raises as the diarizer does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FindSpeakers:
    """Find who spoke when."""

    name: ClassVar[str] = "diarize"
    hints: SpeakerHints = NO_HINTS

    def turns(self, diarizer: "Diarizer", recording: "Recording", progress: Progress) -> Diarization:
        """Return a turn for each time that somebody spoke."""
        return diarizer.diarize(recording, self.hints, progress)


@dataclass(frozen=True, kw_only=True, slots=True)
class FindSpeech:
    """Find when anybody spoke."""

    name: ClassVar[str] = "vad"
    hints: ClassVar[SpeakerHints] = NO_HINTS

    def turns(self, diarizer: "Diarizer", recording: "Recording", progress: Progress) -> Diarization:
        """Return a turn of SPEECH for each time that anybody spoke."""
        return diarizer.speech(recording, progress)


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One recording, and what is to be made of it."""

    audio: Audio
    transcript: Path | None = None
    task: Task = FindSpeakers()
    rules: Rules = DEFAULT_RULES
    """How speakers are assigned to the transcript."""

    def hear(self) -> "Heard":
        """Read the transcript and decode the audio.

        Raises:
            TranscriptError: the transcript cannot be read.
            AudioError: the audio cannot be decoded.
        """
        said = self.read_transcript()
        return Heard(job=self, recording=self.audio.decode(), transcript=said)

    def read_transcript(self) -> Transcript:
        """Return the transcript, empty where there is none; raise TranscriptError when it cannot be read."""
        return read(self.transcript) if self.transcript else _NO_TRANSCRIPT


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """A job whose inputs are read."""

    job: Job
    recording: "Recording"
    transcript: Transcript

    def label(self, diarization: Diarization) -> LabelledTranscript:
        """Say who said what; raise TranscriptError when that would take minutes."""
        return assign_speakers(self.transcript, diarization, self.job.rules)


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What was made of a recording."""

    labelled: LabelledTranscript
    provenance: Provenance
    timing: Timing

    @property
    def diarization(self) -> Diarization:
        """Who spoke when."""
        return self.labelled.diarization


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What a task found, by a clock that was read when the device had nothing left to do."""

    diarization: Diarization
    began: float
    ended: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.began


def find(
    task: Task,
    diarizer: "Diarizer",
    recording: "Recording",
    progress: Progress,
    clock: Callable[[], float] = time.perf_counter,
) -> Found:
    """Do the task; raises as the diarizer does."""
    diarizer.synchronise()
    began = clock()
    diarization = task.turns(diarizer, recording, progress)
    diarizer.synchronise()
    return Found(diarization=diarization, began=began, ended=clock())
