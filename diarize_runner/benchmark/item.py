"""One recording of a benchmark."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.diarization.turns import NO_HINTS, SpeakerHints
from diarize_runner.errors import DiskError, UsageError


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkItem:
    """A recording to diarize, with its reference, transcript and speaker hints."""

    audio: Path
    reference: Path | None
    """RTTM, the ground truth."""
    uem: Path | None = None
    """The regions to score; None for the whole recording."""
    transcript: Path | None = None
    """To label with speakers."""
    spoken: Path | None = None
    """A transcript of what was said, to count word errors."""
    hints: SpeakerHints = NO_HINTS

    def require_files(self) -> None:
        """Raise DiskError if a file is missing, before a worker spends seconds on importing torch."""
        paths = (self.audio, self.reference, self.uem, self.transcript, self.spoken)
        missing = next((path for path in paths if path and not path.is_file()), "")
        if missing:
            raise DiskError(
                f"there is no file {missing}", hint="check the path; for a verb of benchmark: benchmark --help"
            )


def shipped_sample() -> WorkItem:
    """Return the 30 s conversation that ships with pyannote.audio; raise UsageError if that is not installed."""
    spec = importlib.util.find_spec("pyannote.audio") if importlib.util.find_spec("pyannote") else None
    if spec is None or not spec.submodule_search_locations:
        raise UsageError(
            "pyannote.audio is not installed here",
            hint="run it on a box: BOX/opt/diarize-runner/current/bin/diarize-runner",
        )
    folder = Path(spec.submodule_search_locations[0], "sample")
    transcript = folder / "sample.stm"
    return WorkItem(
        audio=folder / "sample.wav", reference=folder / "sample.rttm", transcript=transcript, spoken=transcript
    )
