"""Name the speakers of each recording by their voices."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from diarize_runner.diarization.turns import Diarization
from diarize_runner.digests import Digest
from diarize_runner.jobs.batch import BatchSession
from diarize_runner.jobs.device_lock import device_turn
from diarize_runner.jobs.job import LoadedJob, Result
from diarize_runner.progress import ConsoleProgress
from diarize_runner.transcript.formats.provenance import KnownSpeakersReference, Provenance
from diarize_runner.transcript.speaker_names import SpeakerNames, rename_speakers
from diarize_runner.voices.file import VoiceFile
from diarize_runner.voices.matching import DEFAULT_THRESHOLD, name_speakers

if TYPE_CHECKING:
    from diarize_runner.diarization.engine import Diarizer
    from diarize_runner.diarization.voices import SpeakerVoice


class DiarizingSession(BatchSession, Protocol):
    """A session whose results have speakers."""

    @property
    def diarizer(self) -> "Diarizer":
        """The loaded pipeline."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unnamed:
    """The speakers of a recording who have no name yet."""

    speakers: Sequence[str]
    """Their labels, by first appearance."""
    voices: Mapping[str, "SpeakerVoice"] = field(repr=False)
    """By label; a speaker who says little has none."""
    taken: Collection[str]
    """The names of the other speakers."""

    def without(self, names: SpeakerNames) -> "Unnamed":
        """Return the speakers whom `names` does not name."""
        return Unnamed(
            speakers=[label for label in self.speakers if label not in names],
            voices={label: voice for label, voice in self.voices.items() if label not in names},
            taken={*self.taken, *names.values()},
        )


class Namer(Protocol):
    """Names speakers by their voices."""

    def require_model(self, model: Digest | None) -> None:
        """Raise VoiceError if it cannot compare the embeddings of the pipeline's model, None if there is none."""

    def names(self, unnamed: Unnamed) -> SpeakerNames:
        """Return names by label, of as many speakers as it can name."""

    def recorded_in(self, provenance: Provenance) -> Provenance:
        """Return the provenance, with what decides the names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownSpeakers:
    """Names speakers after enrolled voices."""

    file: VoiceFile
    threshold: float = DEFAULT_THRESHOLD
    """The least cosine between a speaker and the voice that names the speaker."""

    def require_model(self, model: Digest | None) -> None:
        """Raise VoiceError if another model made the voices, or there is none."""
        self.file.require_model(model)

    def names(self, unnamed: Unnamed) -> SpeakerNames:
        """Return the names of speakers whom a voice resembles."""
        others = [voice for voice in self.file.content.voices if voice.name not in unnamed.taken]
        embeddings = {label: voice.embedding for label, voice in unnamed.voices.items()}
        return name_speakers(embeddings, others, self.threshold)

    def recorded_in(self, provenance: Provenance) -> Provenance:
        """Return the provenance, with the digest of the file."""
        reference = KnownSpeakersReference(voices=self.file.digest, threshold=self.threshold)
        return replace(provenance, known_speakers=reference)

    def session(self, session: DiarizingSession) -> "NamingSession":
        """Return a session that names speakers. Raises VoiceError if another model made the voices."""
        return naming_session(session, [self])


@dataclass(frozen=True, kw_only=True, slots=True)
class NamingSession:
    """Names the speakers in the results of another session; other speakers keep their labels."""

    session: DiarizingSession
    namers: Sequence[Namer]
    """Each names speakers whom those before it did not."""
    clock: Callable[[], float] = time.perf_counter

    def announce(self, loaded: LoadedJob, progress: ConsoleProgress) -> None:
        """Print what is about to run."""
        self.session.announce(loaded, progress)

    def run(self, loaded: LoadedJob, progress: ConsoleProgress) -> Result:
        """Return the result with names; raises as the other session and `Diarizer.embed_speakers` do."""
        result = self.session.run(loaded, progress)
        with device_turn(self.session.diarizer.device, progress):
            began = self.clock()
            names = self._names(self._unnamed(loaded, result.diarization, progress))
            spent = self.clock() - began
        timing = replace(result.timing, processing_seconds=result.timing.processing_seconds + spent)
        labelled = rename_speakers(result.labelled, names)
        return replace(result, labelled=labelled, timing=timing, provenance=self._recorded_in(result.provenance))

    def _unnamed(self, loaded: LoadedJob, diarization: Diarization, progress: ConsoleProgress) -> Unnamed:
        """Return the speakers whom the job does not name."""
        heard = self.session.diarizer.embed_speakers(loaded.recording, diarization, progress)
        turns = (*diarization.turns, *diarization.exclusive_turns)
        speakers = list(dict.fromkeys(turn.speaker for turn in turns))
        named = {name: name for name in loaded.job.names.values()}
        return Unnamed(speakers=speakers, voices=heard, taken=()).without(named)

    def _names(self, unnamed: Unnamed) -> SpeakerNames:
        names: dict[str, str] = {}
        for namer in self.namers:
            found = namer.names(unnamed)
            names |= found
            unnamed = unnamed.without(found)
        return names

    def _recorded_in(self, provenance: Provenance) -> Provenance:
        for namer in self.namers:
            provenance = namer.recorded_in(provenance)
        return provenance


@dataclass(frozen=True, kw_only=True, slots=True)
class NamingOpener:
    """Opens a session that names speakers."""

    open_session: Callable[[LoadedJob], DiarizingSession]
    namers: Sequence[Namer]

    def open_for(self, first: LoadedJob) -> NamingSession:
        """Open the session for the first recording, which it announces.

        Raises as `naming_session` and `open_session` do.
        """
        return naming_session(self.open_session(first), self.namers)


def naming_session(session: DiarizingSession, namers: Sequence[Namer]) -> NamingSession:
    """Return a session that names speakers. Raises VoiceError if a namer cannot use the embedding model."""
    for namer in namers:
        namer.require_model(session.diarizer.embedding_model)
    return NamingSession(session=session, namers=namers)
