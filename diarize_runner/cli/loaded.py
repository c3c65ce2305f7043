"""The pipeline that a command's options ask for, and what is said of it beside its results."""

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diarize_runner.cache.box.open import open_cache
from diarize_runner.cache.documents.manifest import CacheManifest
from diarize_runner.diarization.turns import SpeakerHints
from diarize_runner.jobs.pace import KeptPace, kept_pace
from diarize_runner.jobs.provenance import Source, provenance_of
from diarize_runner.progress import Progress
from diarize_runner.transcript.formats.provenance import Provenance

if TYPE_CHECKING:
    from diarize_runner.diarization.audio import Recording
    from diarize_runner.diarization.engine import Diarizer


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """A pipeline, and the cache that it came from."""

    diarizer: "Diarizer"
    manifest: CacheManifest

    def pace(self, task: str) -> KeptPace:
        """Return the pace of a task with it."""
        return kept_pace(self.diarizer.device, f"{self.diarizer.engine} {task}", str(self.manifest.digest))

    def provenance(self, source: Source, recording: "Recording", hints: SpeakerHints) -> Provenance:
        """Say how a result came about; raise DiskError when a file of the `source` cannot be read."""
        return provenance_of(source, recording, self.diarizer, self.manifest, hints)

    @property
    def document(self) -> dict[str, object]:
        """What ran, for programs."""
        return {"device": self.diarizer.device, "engine": self.diarizer.engine}


def load(arguments: argparse.Namespace, progress: Progress) -> Loaded:
    """Verify the cache and load its pipeline; raises as `open_cache` and `engine.load` do."""
    from diarize_runner.diarization import engine

    cache = open_cache(arguments.cache, progress)
    return Loaded(diarizer=engine.load(cache, arguments.device, arguments.engine), manifest=cache.manifest)
