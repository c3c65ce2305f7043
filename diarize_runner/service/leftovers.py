"""Remove the files that killed servers left."""

from dataclasses import dataclass

from diarize_runner.service.exclusive import other_servers
from diarize_runner.service.folder import JobFolder, ServiceFolder
from diarize_runner.service.queue.job import Job
from diarize_runner.service.queue.queue import Queue


@dataclass(frozen=True, kw_only=True, slots=True)
class Leftovers:
    """The files that no request and no job of the queue needs."""

    folder: ServiceFolder
    queue: Queue
    box: str

    def remove(self) -> None:
        """Remove them, unless another box uses the folder: its uploads look the same. Only before the first upload.

        A server that is killed leaves request bodies; a draft, or the whole folder, of a job that has no row yet; and
        files of an attempt in the folder of a job that another attempt ends.

        Raises:
            DiskError or QueueError: the folder or the queue cannot be used.
        """
        found = tuple(self.folder.job_ids())  # before the look at the other servers: one may start right after it
        if other_servers(self.folder.path, self.box):
            return
        self.folder.empty_incoming()
        self.queue.release(self.box)
        for job_id in found:
            job = self.queue.find(job_id)
            if job is None:
                self.folder.remove_job(job_id)
            elif job.state != "running":
                _remove_attempts(self.folder.job(job_id), job)


def _remove_attempts(folder: JobFolder, job: Job) -> None:
    folder.remove_results(except_for=job.result)
    if job.is_final:
        folder.remove_inputs()
