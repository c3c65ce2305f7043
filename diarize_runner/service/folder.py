"""The folder of the service: the files of each job.

    queue.db                      the queue, unless it is in PostgreSQL
    incoming/                     request bodies; emptied at the start
    jobs/<id>/upload              the recording, as it was uploaded
    jobs/<id>/transcript          the transcript, if one came along
    jobs/<id>/samples.f32         the decoded samples, until the job ends
    jobs/<id>/recording.json      what decoding said of them
    jobs/<id>/result-<lease>/     one file for each format
    jobs-without-queue-<random>/  jobs of a queue.db that is gone; the administrator removes it
    <machine>.lock                locked while a server of the machine runs

A job's folder appears whole, by one rename, before its row is added.
"""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from diarize_runner.disk import disk_errors, flush, flush_parents

_NEW: Final = ".new-"
_REMOVED: Final = ".removed-"
_QUEUE: Final = "queue.db"


@dataclass(frozen=True, kw_only=True, slots=True)
class JobFolder:
    """The files of one job."""

    path: Path

    @property
    def upload(self) -> Path:
        """Return the recording."""
        return self.path / "upload"

    @property
    def transcript(self) -> Path:
        """Return the transcript."""
        return self.path / "transcript"

    @property
    def samples(self) -> Path:
        """Return the samples: mono, 16 kHz, float32, little-endian."""
        return self.path / "samples.f32"

    @property
    def recording(self) -> Path:
        """Return the document that describes the samples."""
        return self.path / "recording.json"

    def result(self, name: str) -> Path:
        """Return the folder of a result, whose name is `Job.result`."""
        return self.path / name

    def remove_inputs(self) -> None:
        """Remove what only a running job needs."""
        self.samples.unlink(missing_ok=True)

    def remove_results(self, *, except_for: str | None) -> None:
        """Remove all results but one, and drafts of results. Raises DiskError."""
        with disk_errors(self.path):
            for each in [path for path in self.path.iterdir() if path.is_dir() and path.name != except_for]:
                shutil.rmtree(each)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceFolder:
    """The folder of the service."""

    path: Path

    @property
    def queue_url(self) -> str:
        """Return the address of the queue in SQLite."""
        return f"sqlite:///{self.path / _QUEUE}"

    @property
    def incoming(self) -> Path:
        """Return the folder for request bodies."""
        return self.path / "incoming"

    @property
    def jobs(self) -> Path:
        """Return the folder of all jobs."""
        return self.path / "jobs"

    def job(self, job_id: str) -> JobFolder:
        """Return the folder of a job."""
        return JobFolder(path=self.jobs / job_id)

    def create(self) -> None:
        """Make the folders, for this user only. Raises DiskError."""
        with disk_errors(self.path):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.jobs.mkdir(mode=0o700, exist_ok=True)
            self.incoming.mkdir(mode=0o700, exist_ok=True)
            flush(self.path)
            flush_parents(self.path)

    def set_aside(self) -> Path | None:
        """Move the files of all jobs away if the file of their queue is gone; return where they are, if there are any.

        They are not removed: the administrator may have moved a damaged queue away to repair it. Raises DiskError.
        """
        queue = self.path / _QUEUE
        with disk_errors(self.path):
            if not any(self.jobs.iterdir()) or (queue.exists() and queue.stat().st_size):
                return None
            aside = self.path / f"jobs-without-queue-{secrets.token_hex(4)}"
            self.jobs.rename(aside)
            self.create()
        return aside

    def empty_incoming(self) -> None:
        """Remove what requests left that ended with the server. Raises DiskError."""
        with disk_errors(self.incoming):
            shutil.rmtree(self.incoming)
            self.incoming.mkdir(mode=0o700)

    @contextmanager
    def new_job(self, job_id: str) -> Iterator[JobFolder]:
        """Yield the folder of a new job, which appears when the block ends, and never after an error.

        Raises:
            DiskError: the disk refuses a write.
        """
        draft = self.jobs / f"{_NEW}{job_id}"
        with disk_errors(self.jobs):
            draft.mkdir(mode=0o700)
            try:
                yield JobFolder(path=draft)
                for file in draft.iterdir():
                    flush(file)
                flush(draft)
                draft.rename(self.jobs / job_id)
                flush(self.jobs)
            except BaseException:
                shutil.rmtree(draft, ignore_errors=True)
                shutil.rmtree(self.jobs / job_id, ignore_errors=True)
                raise

    def remove_job(self, job_id: str) -> None:
        """Remove all files of a job, if there are any. Raises DiskError.

        They go by one rename first, so that a model process that still works on the job adds no file to them.
        """
        removed = self.jobs / f"{_REMOVED}{job_id}"
        with disk_errors(self.jobs):
            with suppress(FileNotFoundError):
                (self.jobs / job_id).rename(removed)
            while removed.exists():
                with suppress(FileNotFoundError):  # a worker has just removed one of the files
                    shutil.rmtree(removed)

    def job_ids(self) -> Iterator[str]:
        """Yield the id of each job that has files, and the names of drafts."""
        yield from sorted(path.name for path in self.jobs.iterdir())
