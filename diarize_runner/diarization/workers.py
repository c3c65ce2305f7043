"""A pool with one single-threaded worker per core.

Threads that share one small network wait for each other after every operation; on a busy machine they wait most of the
time. Chunks of a recording are independent, so each worker processes whole chunks. The output then depends neither on
the number of cores nor on their order of completion.
"""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager

import torch


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
