"""The results of one recording: the labelled transcript, and what some formats add."""

from dataclasses import dataclass
from typing import Final

from diarize_runner.transcript.formats.provenance import Provenance
from diarize_runner.transcript.model import LabelledTranscript

SENT_BY_FRAME: Final = "blob:"
"""An `audio_src`: a page that shows the HTML in a frame sends it the recording (page/page.js)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One recording's results."""

    transcript: LabelledTranscript
    media: str | None = None
    """URL of the recording, relative to the document."""
    audio_src: str | None = None
    """URL or data URL that a page plays, or SENT_BY_FRAME; None for a page without a player."""
    provenance: Provenance | None = None
    """None if unknown."""

    @property
    def duration(self) -> float:
        """Seconds to the end of the recording, or of the last segment or turn if that is later."""
        transcript = self.transcript
        ends = [
            *(segment.end for segment in transcript.segments),
            *(turn.end for turn in transcript.diarization.turns),
        ]
        return max([*ends, self.provenance.audio_seconds if self.provenance else 0.0])
