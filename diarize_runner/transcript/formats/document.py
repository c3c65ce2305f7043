"""What is to be written of one recording: the labelled transcript, and what some formats say beyond it."""

from dataclasses import dataclass

from diarize_runner.transcript.formats.provenance import Provenance
from diarize_runner.transcript.model import LabelledTranscript


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One recording's results."""

    transcript: LabelledTranscript
    media: str | None = None
    """The recording's address, as a URL that is relative to the document."""
    sound: str | None = None
    """What a page plays: an address, or a data URL; None for a page that is to be read alone."""
    provenance: Provenance | None = None
    """None where nobody says."""

    @property
    def duration(self) -> float:
        """Seconds: the recording's, or where nobody says, up to the last that was heard."""
        transcript = self.transcript
        heard = [
            *(segment.end for segment in transcript.segments),
            *(turn.end for turn in transcript.diarization.turns),
        ]
        return max([*heard, self.provenance.audio_seconds if self.provenance else 0.0])
