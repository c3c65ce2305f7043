"""A loaded pipeline and the cache it comes from; jobs run in a session."""

import logging
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.cache.box.open import open_cache
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.cache.documents.manifest import CacheManifest
from diarize_runner.diarization.fonts import kept_font_list
from diarize_runner.diarization.garbage import freezing_objects
from diarize_runner.diarization.turns import Diarization
from diarize_runner.jobs.device_lock import device_turn
from diarize_runner.jobs.job import LoadedJob, Result, run_timed
from diarize_runner.jobs.provenance import provenance_of
from diarize_runner.jobs.stage_timer import StageTimer, Timing, timed
from diarize_runner.jobs.stage_times import StageTimesFile, default_path, stage_times_file
from diarize_runner.jobs.startup_times import StartupTimes, startup_times_file
from diarize_runner.progress import ConsoleProgress, Progress

if TYPE_CHECKING:
    from diarize_runner.diarization.engine import Diarizer
    from diarize_runner.diarization.engines import Engine


_log = logging.getLogger(__name__)
_LOADING = "load models"


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """A pipeline, and the manifest of its cache."""

    diarizer: "Diarizer"
    manifest: CacheManifest
    prefix: str = ""
    """What its processing times include besides the task, such as `transcribe and `."""

    def announce(self, loaded: LoadedJob, progress: ConsoleProgress) -> None:
        """Print what is about to run, and how long it takes."""
        recording, history = loaded.recording, self._history(loaded)
        progress.print_line(StageTimer(recording.uri, recording.duration, history.read(), progress).announcement)

    def run(self, loaded: LoadedJob, progress: ConsoleProgress) -> Result:
        """Diarize when it is this process's turn on the GPU, label, and record the provenance.

        Raises:
            PipelineError: the pipeline failed on this recording.
            TranscriptError: the transcript overlaps with more turns than can be compared.
        """
        with device_turn(self.diarizer.device, progress), self.timed(loaded, progress) as timer:
            diarization = self.diarize(loaded, timer)
        return self.result(loaded, diarization, timer.timing)

    def timed(self, loaded: LoadedJob, progress: ConsoleProgress) -> AbstractContextManager[StageTimer]:
        """Time the work of the block on a recording, for this result and for later estimates."""
        return timed(loaded.recording, self._history(loaded), progress)

    def diarize(self, loaded: LoadedJob, progress: Progress) -> Diarization:
        """Return the turns; raise PipelineError if the pipeline fails on this recording."""
        return run_timed(loaded.job.task, self.diarizer, loaded.recording, progress).diarization

    def result(self, loaded: LoadedJob, diarization: Diarization, timing: Timing) -> Result:
        """Label the transcript, and record the provenance. Raises TranscriptError as `LoadedJob.label` does."""
        return Result(
            labelled=loaded.label(diarization),
            provenance=provenance_of(loaded, self.diarizer, self.manifest),
            timing=timing,
        )

    def _history(self, loaded: LoadedJob) -> StageTimesFile:
        engine = f"{self.diarizer.engine} {self.prefix}{loaded.job.task.name}"
        return stage_times_file(self.diarizer.device, engine, str(self.manifest.digest))


def load_session(cache: VerifiedCache, device: str, engine: "Engine") -> Session:
    """Load the pipeline of `cache` without changing the process; raises as `diarization.engine.load` does."""
    from diarize_runner.diarization import engine as engines

    diarizer = engines.load(cache, device, engine)
    _log.info("loaded %s on %s, engine %s", cache.manifest.name, diarizer.device, diarizer.engine)
    return Session(diarizer=diarizer, manifest=cache.manifest)


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionOpener:
    """Opens the session of a command; several recordings share it."""

    folder: Path
    """Of the cache."""
    device: str
    engine: "Engine"
    progress: ConsoleProgress
    verified: VerifiedCache | None = None
    """The cache, if it is verified already."""
    prefix: str = ""
    """Of the processing times that it announces; `Session.prefix`."""

    def open(self) -> Session:
        """Open it; raises as `open_cache` and `load_offline` do."""
        return self._open(self.progress)

    def open_for(self, first: LoadedJob) -> Session:
        """Announce the first recording and open the session it waits for.

        The announcement comes first where an earlier load tells how long this one takes.
        Raises as `open_cache` and `load_offline` do.
        """
        history, recording = startup_times_file(self.device, self.engine, self.folder), first.recording
        expected = history.read()
        times = expected.processing_times(f"{self.prefix}{first.job.task.name}") if expected else None
        startup = expected.stages if expected else {}
        timer = StageTimer(recording.uri, recording.duration, times, self.progress, startup=startup)
        if times:
            self.progress.print_line(timer.announcement)
        session = self._open(timer)
        device, engine, cache = session.diarizer.device, session.diarizer.engine, str(session.manifest.digest)
        history.add(StartupTimes(device=device, engine=engine, cache=cache, stages=timer.stages))
        if not times:
            session.announce(first, self.progress)
        return session

    def _open(self, progress: Progress) -> Session:
        return load_offline(self.verified or open_cache(self.folder, progress), self.device, self.engine, progress)


def load_offline(cache: VerifiedCache, device: str, engine: "Engine", progress: Progress) -> Session:
    """Load the pipeline of `cache`, keep this process offline from then on, and freeze its objects.

    Raises as `diarization.engine.load` does.
    """
    progress.advance(_LOADING, completed=0, total=1)  # importing torch takes longer than verifying
    from diarize_runner.diarization.environment import set_offline_environment

    set_offline_environment(cache)
    with freezing_objects(), kept_font_list(default_path().parent):
        session = load_session(cache, device, engine)
    progress.advance(_LOADING, completed=1, total=1)
    return session
