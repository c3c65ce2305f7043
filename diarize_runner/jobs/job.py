"""The steps of one recording: decode, diarize, label.

`Job.load` decodes, and `Session.run` diarizes and labels. The benchmark times each step.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from diarize_runner.diarization.reliability import reliability_warnings
from diarize_runner.diarization.turns import NO_HINTS, Diarization, SpeakerHints, uri_from_stem
from diarize_runner.jobs.audio import Audio
from diarize_runner.jobs.stage_timer import Timing
from diarize_runner.progress import Progress
from diarize_runner.transcript.assign import DEFAULT_RULES, assign_speakers
from diarize_runner.transcript.formats.provenance import Provenance, TranscriptionReference
from diarize_runner.transcript.model import LabelledTranscript, Transcript
from diarize_runner.transcript.read import read
from diarize_runner.transcript.review import review
from diarize_runner.transcript.rules import Rules
from diarize_runner.transcript.speaker_names import SpeakerNames, rename_speakers

if TYPE_CHECKING:
    from diarize_runner.diarization.audio import DecodedRecording, Recording
    from diarize_runner.diarization.engine import Diarizer

_log = logging.getLogger(__name__)

_NO_TRANSCRIPT = Transcript(segments=())


class Task(Protocol):
    """What to compute for a recording."""

    @property
    def name(self) -> str:
        """The name under which its processing times are recorded."""

    @property
    def hints(self) -> SpeakerHints:
        """The number of speakers, as far as it is known; of each channel, if each is decoded alone."""

    def run(self, diarizer: "Diarizer", recording: "Recording", progress: Progress) -> Diarization:
        """Return the turns. Raises the errors of the diarizer."""

    def warnings(self, diarization: Diarization, seconds: float) -> tuple[str, ...]:
        """Return why the diarization of a recording of `seconds` may be wrong."""

    def unmet_hints(self, diarization: Diarization) -> str:
        """Describe how a diarization misses the hints; return an empty string if it meets them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DiarizationTask:
    """Find who spoke when."""

    name: ClassVar[str] = "diarize"
    hints: SpeakerHints = NO_HINTS

    def run(self, diarizer: "Diarizer", recording: "Recording", progress: Progress) -> Diarization:
        """Return the speaker turns."""
        return diarizer.diarize(recording, self.hints, progress)

    def warnings(self, diarization: Diarization, seconds: float) -> tuple[str, ...]:
        """Warn of recordings that every pipeline of pyannote diarizes less reliably."""
        return reliability_warnings(diarization, seconds)

    def unmet_hints(self, diarization: Diarization) -> str:
        """Describe how the number of speakers misses the hints."""
        return self.hints.unmet_by(diarization)


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeechDetectionTask:
    """Find speech, without telling speakers apart."""

    name: ClassVar[str] = "vad"
    hints: ClassVar[SpeakerHints] = NO_HINTS

    def run(self, diarizer: "Diarizer", recording: "Recording", progress: Progress) -> Diarization:
        """Return the speech turns; each has the speaker label SPEECH."""
        return diarizer.detect_speech(recording, progress)

    def warnings(self, diarization: Diarization, seconds: float) -> tuple[str, ...]:
        """Return no warnings: finding speech is reliable on short recordings, too."""
        del diarization, seconds
        return ()

    def unmet_hints(self, diarization: Diarization) -> str:
        """Return an empty string: there are no hints."""
        del diarization
        return ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One recording, and what to compute for it."""

    audio: Audio
    transcript: Path | None = None
    task: Task = DiarizationTask()
    rules: Rules = DEFAULT_RULES
    """How to assign speakers to the transcript."""
    names: SpeakerNames = field(default_factory=dict)
    """Names of speakers, by the label that the pipeline gives them."""

    def load(self) -> "LoadedJob":
        """Read the transcript and decode the audio.

        Raises:
            TranscriptError: the transcript cannot be read.
            AudioError: the audio cannot be decoded.
        """
        transcript = self.read_transcript()
        recording = self.audio.decode()
        _log.info("decoded %s: %.1f s of audio", recording.uri, recording.duration)
        return LoadedJob(job=self, recording=recording, transcript=transcript)

    def read_transcript(self) -> Transcript:
        """Return the transcript, or an empty one; raise TranscriptError when it cannot be read."""
        return read(self.transcript) if self.transcript else _NO_TRANSCRIPT


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedJob:
    """A job with its inputs in memory."""

    job: Job
    recording: "DecodedRecording"
    transcript: Transcript
    transcription: TranscriptionReference | None = None
    """How the transcript was made; None if it was read from a file, or there is none."""

    @property
    def has_transcript(self) -> bool:
        """Whether there is a transcript, however short."""
        return bool(self.job.transcript or self.transcription)

    def label(self, diarization: Diarization) -> LabelledTranscript:
        """Assign the speakers, review the result and name them.

        Raises:
            TranscriptError: the transcript overlaps too many turns.
        """
        return rename_speakers(
            self._review(assign_speakers(self.transcript, diarization, self.job.rules)), self.job.names
        )

    def _review(self, labelled: LabelledTranscript) -> LabelledTranscript:
        doubts = self.job.task.warnings(labelled.diarization, self.recording.duration)
        labelled = replace(labelled, warnings=(*self.recording.warnings, *doubts, *labelled.warnings))
        if not self.has_transcript:
            return labelled
        uris = [uri_from_stem(self.transcript.recording)] if self.transcript.recording else []
        return review(labelled, names=uris, audio_seconds=self.recording.duration)


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """The result for a recording."""

    labelled: LabelledTranscript
    provenance: Provenance
    timing: Timing
    """Of everything that was computed."""
    transcription_seconds: float | None = None
    """The part of it in which the transcription ran, maybe beside the diarization; None if there was none."""

    @property
    def diarization(self) -> Diarization:
        """Who spoke when."""
        return self.labelled.diarization


@dataclass(frozen=True, kw_only=True, slots=True)
class TimedDiarization:
    """A diarization, and when it started and ended; the device was idle at both times."""

    diarization: Diarization
    began: float
    ended: float

    @property
    def seconds(self) -> float:
        """Return the processing time."""
        return self.ended - self.began


def run_timed(
    task: Task,
    diarizer: "Diarizer",
    recording: "Recording",
    progress: Progress,
    clock: Callable[[], float] = time.perf_counter,
) -> TimedDiarization:
    """Run and time a task; raises as the diarizer does."""
    diarizer.synchronise()
    began = clock()
    diarization = task.run(diarizer, recording, progress)
    diarizer.synchronise()
    return TimedDiarization(diarization=diarization, began=began, ended=clock())
