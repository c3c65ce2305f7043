"""Remove jobs that ended long ago."""

import logging
import threading
from collections.abc import Callable
from typing import Final

from diarize_runner.errors import DiarizeRunnerError
from diarize_runner.service.folder import ServiceFolder
from diarize_runner.service.queue.queue import Queue

_INTERVAL: Final = 60.0
"""Seconds between two looks."""
_AT_ONCE: Final = 100

_log = logging.getLogger(__name__)


class Retention:
    """Removes ended jobs after a time; `run` is the body of a thread."""

    def __init__(
        self, queue: Queue, folder: ServiceFolder, retention_seconds: float, clock: Callable[[], float]
    ) -> None:
        self._queue, self._folder, self._clock = queue, folder, clock
        self._seconds = retention_seconds

    def run(self, stop: threading.Event) -> None:
        """Remove what is due each minute, until `stop` is set. An error of the disk or the queue is logged."""
        while not stop.is_set():
            try:
                self.remove_ended()
            except DiarizeRunnerError as error:
                _log.error("ended jobs are not removed: %s", error.message)  # no trace is needed
            stop.wait(_INTERVAL)

    def remove_ended(self) -> int:
        """Remove the jobs that ended before the retention time, files first; return how many."""
        removed = 0
        while ids := self._queue.finished_before(self._clock() - self._seconds, _AT_ONCE):
            for job_id in ids:
                self._folder.remove_job(job_id)
                self._queue.remove(job_id)
            removed += len(ids)
        return removed
