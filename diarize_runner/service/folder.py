"""The folder of the service: the files of each job.

    queue.db                      the queue, unless it is in PostgreSQL
    folder-id                     a random name, which a queue in PostgreSQL has too: they belong together
    servers, <box>.lock           locks of the servers that use the folder: `exclusive`
    incoming/<box>/               request bodies; emptied when the box starts
    jobs/<id>/upload              the recording, as it was uploaded
    jobs/<id>/transcript          the transcript, if one came along
    jobs/<id>/samples.f32         the decoded samples, until the job ends
    jobs/<id>/reference-<n>.f32   samples of a speaker whom the request names, until the job ends
    jobs/<id>/recording.json      what decoding said of them
    jobs/<id>/result-<lease>/     one file for each format
    jobs-without-queue-<random>/  jobs of a queue.db that is gone; the administrator removes it

A job's folder appears whole, by one rename, before its row is added; it goes by one rename, too. Several boxes may
share the folder on NFS, which keeps a removed file under another name as long as a process of its box has it open.
"""

import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from diarize_runner.disk import disk_errors, flush, flush_parents, write_new

_NEW: Final = ".new-"
_REMOVED: Final = ".removed-"
_QUEUE: Final = "queue.db"
_KEPT_BY_NFS: Final = (errno.ENOTEMPTY, errno.EEXIST)
"""The folder has a file that a process of this box has open."""


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

    def reference(self, number: int) -> Path:
        """Return the samples of a reference, in the form of `samples`."""
        return self.path / f"reference-{number}.f32"

    @property
    def recording(self) -> Path:
        """Return the document that describes the samples."""
        return self.path / "recording.json"

    def result(self, name: str) -> Path:
        """Return the folder of a result, whose name is `Job.result`."""
        return self.path / name

    def remove_inputs(self) -> None:
        """Remove what only a running job needs."""
        for path in (self.samples, *self.path.glob("reference-*.f32")):
            path.unlink(missing_ok=True)

    def remove_results(self, *, except_for: str | None) -> None:
        """Remove all results but one, and drafts of results. Raises DiskError."""
        with disk_errors(self.path):
            for each in [path for path in self.path.iterdir() if path.is_dir() and path.name != except_for]:
                shutil.rmtree(each)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceFolder:
    """The folder of the service."""

    path: Path
    box: str = "box"
    """The name of this box; it has its own folder for request bodies."""

    @property
    def queue_url(self) -> str:
        """Return the address of the queue in SQLite."""
        return f"sqlite:///{self.path / _QUEUE}"

    @property
    def incoming(self) -> Path:
        """Return the folder for request bodies of this box."""
        return self.all_incoming / self.box

    @property
    def all_incoming(self) -> Path:
        """Return the folder for request bodies of all boxes."""
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
            self.all_incoming.mkdir(mode=0o700, exist_ok=True)
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

    def identity(self) -> str:
        """Return the random name of this folder, the same for each box that shares it. Raises DiskError."""
        named = self.path / "folder-id"
        with disk_errors(named):
            if not named.exists():
                draft = named.with_name(f"{named.name}-{secrets.token_hex(8)}")
                write_new(draft, secrets.token_hex(16).encode())
                with suppress(FileExistsError):  # another box was first
                    os.link(draft, named)
                draft.unlink()
                flush(self.path)
            return named.read_text(encoding="ascii").strip()

    def now(self) -> float:
        """Return the time of the file system, which is not that of this machine if it is shared. Raises DiskError."""
        with disk_errors(self.incoming), tempfile.NamedTemporaryFile(dir=self.incoming) as file:
            return Path(file.name).stat().st_mtime

    def empty_incoming(self) -> None:
        """Remove what requests of this box left that ended with the server. Raises DiskError."""
        with disk_errors(self.incoming):
            shutil.rmtree(self.incoming)
            self.incoming.mkdir(mode=0o700)

    def remove_incoming_before(self, moment: float) -> None:
        """Remove request bodies, of any box, that were last written before `moment`. Raises DiskError."""
        with disk_errors(self.all_incoming):
            for path in [*self.all_incoming.glob("*/*")]:
                if (_changed_at(path) or moment) < moment:
                    path.unlink(missing_ok=True)

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
        """Remove all files of a job, if there are any; `job_id` may be the name of a draft. Raises DiskError.

        They go by one rename first, so that a model process that still works on the job adds no file to them. What NFS
        keeps of it is removed as an orphan.
        """
        removed = self.jobs / f"{_REMOVED}{job_id.removeprefix(_REMOVED)}"
        with disk_errors(self.jobs):
            with suppress(FileNotFoundError):  # there are no files, or another box removes them
                (self.jobs / job_id).rename(removed)
            while removed.exists():
                with suppress(FileNotFoundError):  # a worker or another box has just removed one of the files
                    _remove(removed)
                    break

    def job_ids(self) -> Iterator[str]:
        """Yield the id of each job that has files, and the names of drafts. Raises DiskError."""
        with disk_errors(self.jobs):
            yield from sorted(path.name for path in self.jobs.iterdir())

    def job_ids_before(self, moment: float) -> Iterator[str]:
        """Yield those whose folders were last changed before `moment`. Raises DiskError."""
        with disk_errors(self.jobs):
            yield from (name for name in self.job_ids() if (_changed_at(self.jobs / name) or moment) < moment)


def _remove(path: Path) -> None:
    """Remove a folder, but not what NFS keeps in it. Raises OSError."""
    try:
        shutil.rmtree(path)
    except OSError as reason:
        if reason.errno not in _KEPT_BY_NFS:
            raise


def _changed_at(path: Path) -> float | None:
    """Return when a file or folder was last changed; None if it is gone."""
    try:
        return path.stat(follow_symlinks=False).st_mtime
    except FileNotFoundError:
        return None
