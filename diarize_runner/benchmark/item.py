"""One thing for a benchmark to diarize."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.diarization.turns import NO_HINTS, SpeakerHints
from diarize_runner.errors import DiskError, UsageError


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkItem:
    """A recording to diarize, and what is known of it."""

    audio: Path
    reference: Path | None
    """RTTM of who really spoke when."""
    transcript: Path | None = None
    """To label."""
    hints: SpeakerHints = NO_HINTS

    def require_there(self) -> None:
        """Raise DiskError when one of its files is not: to find that out later takes a process that loads torch."""
        gone = next((path for path in (self.audio, self.reference, self.transcript) if path and not path.is_file()), "")
        if gone:
            raise DiskError(f"there is no file {gone}", hint="check the path; benchmark --help lists the verbs")


def shipped_sample() -> WorkItem:
    """Return the 30 s conversation that ships inside pyannote.audio; raise UsageError when that is not installed."""
    spec = importlib.util.find_spec("pyannote.audio") if importlib.util.find_spec("pyannote") else None
    if spec is None or not spec.submodule_search_locations:
        raise UsageError(
            "pyannote.audio is not installed here",
            hint="run it on a box: BOX/opt/diarize-runner/current/bin/diarize-runner",
        )
    folder = Path(spec.submodule_search_locations[0], "sample")
    return WorkItem(audio=folder / "sample.wav", reference=folder / "sample.rttm", transcript=folder / "sample.stm")
