"""Run jobs in parallel threads and report their progress."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

from diarize_runner.progress import Progress

_THREADS = 4
_REPORT_INTERVAL = 5.0
"""Seconds: report during long jobs too."""

_Result = TypeVar("_Result")


@dataclass(frozen=True, kw_only=True, slots=True)
class Job(Generic[_Result]):
    """A call and its size."""

    work: Callable[[], _Result]
    size: int
    """In the unit of the progress: bytes or items."""


def run_parallel(stage: str, jobs: Sequence[Job[_Result]], progress: Progress) -> list[_Result]:
    """Run `jobs`, four at a time, and return their results in order.

    On the first error, cancel the jobs that have not started, wait for the running ones, and raise it.
    """
    total, completed = sum(job.size for job in jobs), 0
    pool = ThreadPoolExecutor(max_workers=_THREADS)
    try:
        sizes = {pool.submit(job.work): job.size for job in jobs}
        pending = set(sizes)
        while pending:
            done, pending = wait(pending, timeout=_REPORT_INTERVAL, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()
                completed += sizes[future]
            progress.advance(stage, completed=completed, total=total)
        return [future.result() for future in sizes]
    finally:
        pool.shutdown(cancel_futures=True)
