"""Jobs done side by side, while somebody is told how far they are."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

from diarize_runner.progress import Progress

_AT_ONCE = 4
_TOLD_EVERY = 5.0
"""Seconds: long jobs are news too."""

_Outcome = TypeVar("_Outcome")


@dataclass(frozen=True, kw_only=True, slots=True)
class Job(Generic[_Outcome]):
    """Something to do, and how much of the whole it is: bytes, or things."""

    work: Callable[[], _Outcome]
    share: int


def side_by_side(stage: str, jobs: Sequence[Job[_Outcome]], progress: Progress) -> list[_Outcome]:
    """Do all of `jobs`, a few at once; return what came of each, in their order.

    What the first to fail raises is raised here, once those under way have ended; the others are not begun.
    """
    total, done = sum(job.share for job in jobs), 0
    pool = ThreadPoolExecutor(max_workers=_AT_ONCE)
    try:
        shares = {pool.submit(job.work): job.share for job in jobs}
        waiting = set(shares)
        while waiting:
            ended, waiting = wait(waiting, timeout=_TOLD_EVERY, return_when=FIRST_COMPLETED)
            for future in ended:
                future.result()
                done += shares[future]
            progress.advance(stage, completed=done, total=total)
        return [future.result() for future in shares]
    finally:
        pool.shutdown(cancel_futures=True)
