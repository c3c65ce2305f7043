"""Every core at work: as many workers as torch has threads, each computing with one.

One small network shared out among threads leaves them waiting for each other at the end of every operation; on a busy
machine they wait most of the time. Chunks of a recording know nothing of each other, so a worker takes a chunk whole.
What comes out then depends neither on how many cores there are nor on which of them was sooner.
"""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager

import torch


@contextmanager
def workers(count: int) -> Iterator[Executor]:
    """Yield `count` workers of one torch thread each; what they have not begun when the block ends is dropped."""
    torch.set_num_threads(1)  # a thread that is new to torch takes over what was set last
    pool = ThreadPoolExecutor(count)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(count)
