"""A queue in memory with the methods that workers use; each records what it did."""

import itertools
import threading
import time
from dataclasses import replace

from diarize_runner.errors import LeaseLost
from diarize_runner.service.queue.job import Claim, Job

MOST_CRASHES = 3


def job_of(job_id, work, audio_seconds=2.0, created_at=0.0):
    """Return a queued job."""
    return Job(
        id=job_id,
        owner="",
        work=work.encode(),
        model=work.model,
        audio_seconds=audio_seconds,
        state="queued",
        created_at=created_at,
    )


class FakeQueue:
    """Jobs by id, in the order of their times; `calls` are the names of the finishing calls, with the job's id."""

    def __init__(self, now=time.time):
        self._now, self._lock = now, threading.RLock()
        self._jobs, self._leases, self._boxes, self._numbers = {}, {}, {}, itertools.count()
        self.calls, self.claims, self.renewals, self.errors = [], [], 0, []
        """`errors` are raised by the next calls of `claim`."""

    def add(self, job):
        with self._lock:
            self._jobs[job.id] = job

    def job(self, job_id):
        return self._jobs[job_id]

    def find(self, job_id):
        return self._jobs.get(job_id)

    def request_cancel(self, job_id):
        with self._lock:
            self._jobs[job_id] = replace(self._jobs[job_id], cancel_requested=True)

    def delete(self, job_id):
        with self._lock:
            del self._jobs[job_id]

    def expire(self, job_id):
        """Let another worker have the job."""
        with self._lock:
            self._leases[job_id] = "of another worker"

    def claim(self, box, *, model, sticky_since):
        with self._lock:
            self.claims.append(model)
            if self.errors:
                raise self.errors.pop(0)
            waiting = sorted(
                (job for job in self._jobs.values() if job.state == "queued"), key=lambda job: job.created_at
            )
            if not waiting:
                return None
            oldest = waiting[0]
            preferred = [job for job in waiting if job.model == model] if oldest.created_at >= sticky_since else []
            job = self._change((preferred or waiting)[0], state="running", attempts=1)
            lease = f"lease{next(self._numbers)}"
            self._leases[job.id], self._boxes[job.id] = lease, box
            return Claim(job=job, lease=lease)

    def renew(self, claim, *, stage, progress):
        with self._lock:
            self._require(claim)
            self.renewals += 1
            return self._change(self._jobs[claim.job.id], stage=stage, progress=progress)

    def succeed(self, claim, *, result, processing_seconds):
        self._finish("succeed", claim, state="succeeded", result=result, processing_seconds=processing_seconds)

    def fail(self, claim, failure):
        self._finish("fail", claim, state="failed", failure=failure)

    def cancelled(self, claim):
        self._finish("cancelled", claim, state="cancelled")

    def crashed(self, claim, failure):
        is_last = self._jobs[claim.job.id].attempts >= MOST_CRASHES
        self._finish("crashed", claim, state="failed" if is_last else "queued", failure=failure if is_last else None)

    def give_back(self, claim):
        self._finish("give back", claim, state="queued", attempts=-1)

    def release(self, box):
        with self._lock:
            for job in list(self._jobs.values()):
                if job.state == "running" and self._boxes.get(job.id) == box:
                    self._change(job, state="queued", attempts=-1)

    def _finish(self, name, claim, **values):
        with self._lock:
            self._require(claim)
            self.calls.append((name, claim.job.id))
            del self._leases[claim.job.id]
            self._change(self._jobs[claim.job.id], **values)

    def _require(self, claim):
        if self._leases.get(claim.job.id) != claim.lease:
            raise LeaseLost(f"the lease of job {claim.job.id} is lost")

    def _change(self, job, *, attempts=0, **values):
        self._jobs[job.id] = replace(job, attempts=job.attempts + attempts, **values)
        return self._jobs[job.id]
