"""Remove the files that killed servers left."""

from dataclasses import dataclass
from typing import Final

from diarize_runner.service.exclusive import other_servers
from diarize_runner.service.folder import JobFolder, ServiceFolder
from diarize_runner.service.queue.job import Job
from diarize_runner.service.queue.queue import Queue

_HOUR: Final = 3600.0
_AT_ONCE: Final = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Leftovers:
    """The files that no request and no job of the queue needs.

    A server that is killed leaves request bodies; a draft, or the whole folder, of a job that has no row yet; and files
    of an attempt in the folder of a job that another attempt ends. What another box just takes looks the same: while
    other boxes run, only what is old counts.
    """

    folder: ServiceFolder
    queue: Queue

    def remove(self) -> None:
        """Remove all of them, or the old ones if another box runs. Only before the first upload.

        Raises:
            DiskError or QueueError: the folder or the queue cannot be used.
        """
        found = tuple(self.folder.job_ids())  # before the look at the other servers: one may start right after it
        self.folder.empty_incoming()
        if other_servers(self.folder.path, self.folder.box):
            self.remove_old()
            return
        self.queue.release(self.folder.box)
        for job_id in found:
            job = self.queue.find(job_id)
            if job is None:
                self.folder.remove_job(job_id)
            elif job.state != "running":
                _remove_attempts(self.folder.job(job_id), job)

    def remove_old(self) -> None:
        """Remove files that belong to no job for an hour, and request bodies of a day ago. Raises as `remove` does.

        An upload has its row within seconds after its last file is written.
        """
        now = self.folder.now()
        self.folder.remove_incoming_before(now - 24 * _HOUR)
        old = tuple(self.folder.job_ids_before(now - _HOUR))
        for start in range(0, len(old), _AT_ONCE):
            some = old[start : start + _AT_ONCE]
            for job_id in sorted(set(some) - self.queue.known(some)):
                self.folder.remove_job(job_id)


def _remove_attempts(folder: JobFolder, job: Job) -> None:
    folder.remove_results(except_for=job.result)
    if job.is_final:
        folder.remove_inputs()
