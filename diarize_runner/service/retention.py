"""Remove jobs that ended long ago, and files that belong to no job."""

import itertools
import logging
import threading
from collections.abc import Callable
from typing import Final

from diarize_runner.errors import DiarizeRunnerError
from diarize_runner.service.folder import ServiceFolder
from diarize_runner.service.leftovers import Leftovers
from diarize_runner.service.queue.queue import Queue

_INTERVAL: Final = 60.0
"""Seconds between two looks."""
_ROUNDS: Final = 60
"""Looks at ended jobs between two looks at old files, which read a whole folder."""
_AT_ONCE: Final = 100

_log = logging.getLogger(__name__)


class Retention:
    """Removes ended jobs after a time; `run` is the body of a thread."""

    def __init__(
        self, queue: Queue, folder: ServiceFolder, retention_seconds: float, clock: Callable[[], float]
    ) -> None:
        self._queue, self._folder, self._clock = queue, folder, clock
        self._seconds = retention_seconds
        self._leftovers = Leftovers(folder=folder, queue=queue)

    def run(self, stop: threading.Event) -> None:
        """Remove what is due each minute, until `stop` is set. An error of the disk or the queue is logged."""
        for number in itertools.count(1):
            try:
                self.remove_ended()
                if number % _ROUNDS == 0:
                    self._leftovers.remove_old()
            except DiarizeRunnerError as error:
                _log.error("ended jobs are not removed: %s", error.message)  # no trace is needed
            if stop.wait(_INTERVAL):
                return

    def remove_ended(self) -> int:
        """Remove the jobs that ended before the retention time, files first; return how many."""
        removed = 0
        while ids := self._queue.finished_before(self._clock() - self._seconds, _AT_ONCE):
            for job_id in ids:
                self._folder.remove_job(job_id)
                self._queue.remove(job_id)
            removed += len(ids)
        return removed
