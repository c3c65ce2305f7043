"""One run of one job: its lease is renewed, its progress stored, and it can be stopped from any thread."""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

from diarize_runner.errors import DiarizeRunnerError, LeaseLost
from diarize_runner.service.queue.job import Claim, Job
from diarize_runner.service.work import TaskName, Work
from diarize_runner.service.workers.protocol import Loaded, Progressed
from diarize_runner.service.workers.queue import WorkQueue
from diarize_runner.service.workers.stages import job_progress

_log = logging.getLogger(__name__)

Reason = Literal["cancelled", "lease lost", "server stops"]
"""Why an attempt was stopped."""
_LOADING: Final = "load models"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Seen:
    """The progress of an attempt."""

    stage: str
    progress: float


class Attempt:
    """A claimed job that is running."""

    def __init__(self, claim: Claim, interrupt: Callable[[], None], has_begun: Callable[[], None]) -> None:
        """Take what kills the model process, and what to call when its models are loaded."""
        self.claim = claim
        self._interrupt, self._has_begun = interrupt, has_begun
        self._task = _task_of(claim.job)
        self._lock = threading.Lock()
        self._done: dict[str, float] = {}
        self._seen = _Seen(stage=_LOADING, progress=0.0)
        self._stored: _Seen | None = None
        self._stored_at = float("-inf")
        self._reason: Reason | None = None

    @property
    def job_id(self) -> str:
        """Return the job's id."""
        return self.claim.job.id

    @property
    def stopped(self) -> Reason | None:
        """Return why it was stopped; None unless it was."""
        return self._reason

    def loaded(self, event: Loaded) -> None:
        """Note that the models are loaded."""
        _log.info("job %s runs on %s, engine %s", self.job_id, event.device, event.engine)
        self._has_begun()

    def progressed(self, event: Progressed) -> None:
        """Note the progress, which never decreases."""
        self._done[event.stage] = min(1.0, event.completed / event.total if event.total > 0 else 0.0)
        progress = job_progress(self._task, self._done)
        self._seen = _Seen(stage=event.stage, progress=max(progress, self._seen.progress))

    def stop(self, reason: Reason) -> None:
        """Kill the model process; the first reason stays."""
        with self._lock:
            if self._reason is None:
                self._reason = reason
                self._interrupt()

    def keep(self, queue: WorkQueue, now: float, renew_seconds: float) -> bool:
        """Stop if the job is cancelled or lost; renew the lease when the stage is new or the last renewal that old.

        A queue that cannot be reached is asked again next time: the lease outlives a short outage.
        Returns whether the queue has new progress.
        """
        seen, before = self._seen, self._stored
        is_due = before is None or seen.stage != before.stage or now - self._stored_at >= renew_seconds
        try:
            job = self._renew(queue, seen, now) if is_due else queue.find(self.job_id)
        except LeaseLost:
            self.stop("lease lost")
            return False
        except DiarizeRunnerError as error:
            _log.warning("job %s: its lease is not renewed: %s", self.job_id, error.message)
            return False
        if job and job.cancel_requested:
            self.stop("cancelled")
        return is_due and seen != before

    def _renew(self, queue: WorkQueue, seen: _Seen, now: float) -> Job:
        job = queue.renew(self.claim, stage=seen.stage, progress=seen.progress)
        self._stored, self._stored_at = seen, now
        return job


def _task_of(job: Job) -> TaskName:
    """Return the task; for a row that is damaged, any: the model process refuses it."""
    with suppress(ValueError, TypeError, KeyError):
        return Work.decode(job.work).task
    return "diarize"
