"""Name speakers after a file of voices that may change between two recordings."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.jobs.naming import DiarizingSession, KnownSpeakers, NamingSession
from diarize_runner.voices.file import VoiceFile
from diarize_runner.voices.matching import DEFAULT_THRESHOLD


@dataclass(frozen=True, kw_only=True, slots=True)
class CurrentVoices:
    """A file of voices that is read again for each recording: `voices enroll` and `voices delete` act at once."""

    path: Path
    threshold: float = DEFAULT_THRESHOLD
    """The least cosine between a speaker and the voice that names the speaker."""

    def read(self) -> KnownSpeakers:
        """Return the voices that the file has now, which may be none. Raises as `VoiceFile.load` does."""
        return KnownSpeakers(file=VoiceFile.load(self.path), threshold=self.threshold)

    def session(self, open_session: Callable[[], DiarizingSession]) -> NamingSession:
        """Return a session that names the speakers of the next recording.

        Reads the file first, since `open_session` may load models.

        Raises:
            VoiceError: another model made the voices.

        It also raises as `VoiceFile.load` and `open_session` do.
        """
        known = self.read()
        return known.session(open_session())
