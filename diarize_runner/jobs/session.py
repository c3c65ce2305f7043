"""A loaded pipeline and the cache it comes from; jobs run in a session."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.cache.box.open import open_cache
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.cache.documents.manifest import CacheManifest
from diarize_runner.jobs.job import LoadedJob, Result, run_timed
from diarize_runner.jobs.provenance import provenance_of
from diarize_runner.jobs.stage_timer import timed
from diarize_runner.jobs.stage_times import stage_times_file
from diarize_runner.progress import ConsoleProgress

if TYPE_CHECKING:
    from diarize_runner.diarization.engine import Diarizer
    from diarize_runner.diarization.engines import Engine


_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """A pipeline, and the manifest of its cache."""

    diarizer: "Diarizer"
    manifest: CacheManifest

    def run(self, loaded: LoadedJob, progress: ConsoleProgress) -> Result:
        """Diarize, label, and record the provenance.

        Raises:
            PipelineError: the pipeline failed on this recording.
            TranscriptError: the transcript overlaps with more turns than can be compared.
        """
        job, recording = loaded.job, loaded.recording
        engine = f"{self.diarizer.engine} {job.task.name}"
        history = stage_times_file(self.diarizer.device, engine, str(self.manifest.digest))
        with timed(recording, history, progress) as timer:
            diarization = run_timed(job.task, self.diarizer, recording, timer).diarization
        return Result(
            labelled=loaded.label(diarization),
            provenance=provenance_of(loaded, self.diarizer, self.manifest),
            timing=timer.timing,
        )


def load_session(cache: VerifiedCache, device: str, engine: "Engine") -> Session:
    """Load the pipeline of `cache` without changing the process; raises as `diarization.engine.load` does."""
    from diarize_runner.diarization import engine as engines

    diarizer = engines.load(cache, device, engine)
    _log.info("loaded %s on %s, engine %s", cache.manifest.name, diarizer.device, diarizer.engine)
    return Session(diarizer=diarizer, manifest=cache.manifest)


def open_session(folder: Path, device: str, engine: "Engine", progress: ConsoleProgress) -> Session:
    """Verify the cache in `folder`, load its pipeline, and keep this process offline from then on.

    Raises as `open_cache` and `diarization.engine.load` do.
    """
    cache = open_cache(folder, progress)
    from diarize_runner.diarization.environment import set_offline_environment

    set_offline_environment(cache)
    return load_session(cache, device, engine)
