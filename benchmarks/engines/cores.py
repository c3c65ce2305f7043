"""Run a function in a process of its own that has only the first cores of this machine."""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

import torch

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


def run_on_cores(
    count: int, function: Callable[_Parameters, _Result], *args: _Parameters.args, **kwargs: _Parameters.kwargs
) -> _Result:
    """Call a function in a new process with the first `count` cores, and as many torch threads.

    Raises:
        ValueError: this process has fewer cores.
    """
    if not 1 <= count <= available_cores():
        raise ValueError(f"{count} cores requested; this process has {available_cores()}")
    context = multiprocessing.get_context("spawn")
    options = {"mp_context": context, "initializer": torch.set_num_threads, "initargs": (count,)}
    with _first_cores(count), ProcessPoolExecutor(1, **options) as pool:
        return pool.submit(function, *args, **kwargs).result()


@contextmanager
def _first_cores(count: int) -> Iterator[None]:
    """Bind this thread to its first cores; a process that it starts inherits them."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(cores)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
