"""A verified cache and its pipeline, loaded: what jobs are run with."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.cache.box.open import open_cache
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.cache.documents.manifest import CacheManifest
from diarize_runner.jobs.job import Heard, Result, find
from diarize_runner.jobs.pace import kept_pace
from diarize_runner.jobs.provenance import provenance_of
from diarize_runner.jobs.watch import watched
from diarize_runner.progress import Telling

if TYPE_CHECKING:
    from diarize_runner.diarization.engine import Diarizer
    from diarize_runner.diarization.engines import Engine


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """A pipeline, and the manifest of the cache that it came from."""

    diarizer: "Diarizer"
    manifest: CacheManifest

    def run(self, heard: Heard, progress: Telling) -> Result:
        """Diarize, label, and say how it came about.

        Raises:
            PipelineError: the pipeline failed on this recording.
            TranscriptError: the transcript overlaps with more turns than can be compared.
            DiskError: a file that was given cannot be read again.
        """
        job, recording = heard.job, heard.recording
        kept = kept_pace(self.diarizer.device, f"{self.diarizer.engine} {job.task.name}", str(self.manifest.digest))
        with watched(recording, kept, progress) as watch:
            diarization = find(job.task, self.diarizer, recording, watch).diarization
        return Result(
            labelled=heard.label(diarization),
            provenance=provenance_of(heard, self.diarizer, self.manifest),
            timing=watch.timing,
        )


def load_session(cache: VerifiedCache, device: str, engine: "Engine") -> Session:
    """Load the pipeline of `cache`; the process is left as it was. Raises as `diarization.engine.load` does."""
    from diarize_runner.diarization import engine as engines

    return Session(diarizer=engines.load(cache, device, engine), manifest=cache.manifest)


def open_session(folder: Path, device: str, engine: "Engine", progress: Telling) -> Session:
    """Verify the cache in `folder`, and load it in a process of ours, which stays offline for good.

    Raises as `open_cache` and `diarization.engine.load` do.
    """
    cache = open_cache(folder, progress)
    from diarize_runner.diarization.surroundings import stay_offline

    stay_offline(cache)
    return load_session(cache, device, engine)
