"""A pool with one single-threaded worker per core.

Threads that share one small network wait for each other after every operation; on a busy machine they wait most of the
time. Chunks of a recording are independent, so each worker processes whole chunks. The output then depends neither on
the number of cores nor on their order of completion.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@contextmanager
def workers(count: int) -> Iterator[Executor]:
    """Yield a pool of `count` workers with one torch thread each; cancel pending tasks when the block ends."""
    torch.set_num_threads(1)  # new threads inherit the value that was set last
    pool = ThreadPoolExecutor(count)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(count)


def map_ahead(
    pool: Executor, function: Callable[[_Item], _Result], items: Iterable[_Item], ahead: int
) -> Iterator[_Result]:
    """Yield the results in order, at most `ahead` of them computed before they are needed.

    `Executor.map` computes all of them, which may take more memory than there is.
    """
    pending = deque[Future[_Result]]()
    for item in items:
        pending.append(pool.submit(function, item))
        if len(pending) >= ahead:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()
