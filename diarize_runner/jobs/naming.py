"""Name the speakers of each recording whose voices are enrolled."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from diarize_runner.jobs.batch import BatchSession
from diarize_runner.jobs.device_lock import device_turn
from diarize_runner.jobs.job import LoadedJob, Result
from diarize_runner.progress import ConsoleProgress
from diarize_runner.transcript.speaker_names import SpeakerNames, rename_speakers
from diarize_runner.voices.document import Voice
from diarize_runner.voices.file import VoiceFile
from diarize_runner.voices.matching import name_speakers

if TYPE_CHECKING:
    from diarize_runner.diarization.engine import Diarizer


class DiarizingSession(BatchSession, Protocol):
    """A session whose results have speakers."""

    @property
    def diarizer(self) -> "Diarizer":
        """The loaded pipeline."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NamingSession:
    """Names the speakers in the results of another session; a speaker whom no voice resembles keeps the label."""

    session: DiarizingSession
    voices: Sequence[Voice] = field(repr=False)
    threshold: float
    """The least cosine between a speaker and the voice that names the speaker."""
    clock: Callable[[], float] = time.perf_counter

    def announce(self, loaded: LoadedJob, progress: ConsoleProgress) -> None:
        """Print what is about to run."""
        self.session.announce(loaded, progress)

    def run(self, loaded: LoadedJob, progress: ConsoleProgress) -> Result:
        """Return the result with names; raises as the other session and `Diarizer.embed_speakers` do."""
        result = self.session.run(loaded, progress)
        with device_turn(self.session.diarizer.device, progress):
            began = self.clock()
            names = self._names(loaded, result, progress)
            spent = self.clock() - began
        timing = replace(result.timing, processing_seconds=result.timing.processing_seconds + spent)
        return replace(result, labelled=rename_speakers(result.labelled, names), timing=timing)

    def _names(self, loaded: LoadedJob, result: Result, progress: ConsoleProgress) -> SpeakerNames:
        """Return names by label, of the speakers and with the voices that the job names no speaker after."""
        named = loaded.job.names.values()
        heard = self.session.diarizer.embed_speakers(loaded.recording, result.diarization, progress)
        unnamed = {label: voice.embedding for label, voice in heard.items() if label not in named}
        return name_speakers(unnamed, _others(self.voices, named), self.threshold)


@dataclass(frozen=True, kw_only=True, slots=True)
class NamingOpener:
    """Opens a session that names speakers."""

    open_session: Callable[[LoadedJob], DiarizingSession]
    file: VoiceFile
    threshold: float

    def open_for(self, first: LoadedJob) -> NamingSession:
        """Open the session for the first recording, which it announces.

        Raises VoiceError if another model made the voices, and as `open_session` does.
        """
        session = self.open_session(first)
        self.file.require_model(session.diarizer.embedding_model)
        return NamingSession(session=session, voices=self.file.content.voices, threshold=self.threshold)


def _others(voices: Sequence[Voice], names: Collection[str]) -> list[Voice]:
    return [voice for voice in voices if voice.name not in names]
