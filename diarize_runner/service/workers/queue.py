"""What the dispatcher uses of the queue."""

from typing import Protocol

from diarize_runner.service.queue.job import Claim, Job, JobFailure


class WorkQueue(Protocol):
    """The queue, for a worker; each method raises QueueError, and each that takes a claim raises LeaseLost."""

    def claim(self, box: str, *, model: str | None, sticky_since: float) -> Claim | None:
        """Return a job for `box`; prefer one of `model` if no job waits since before `sticky_since`."""

    def find(self, job_id: str) -> Job | None:
        """Return a job, or None."""

    def renew(self, claim: Claim, *, stage: str, progress: float) -> Job:
        """Extend the lease, and store the progress."""

    def succeed(self, claim: Claim, *, result: str, processing_seconds: float) -> object:
        """End the job with a result folder."""

    def fail(self, claim: Claim, failure: JobFailure) -> object:
        """End the job with an error."""

    def cancelled(self, claim: Claim) -> object:
        """End the job as its client asked."""

    def crashed(self, claim: Claim, failure: JobFailure) -> object:
        """Queue the job again, or end it if it crashed too often."""

    def give_back(self, claim: Claim) -> object:
        """Queue the job again; the attempt does not count."""

    def release(self, box: str) -> object:
        """Queue all jobs again that this box has claimed: those of a server that was killed."""
