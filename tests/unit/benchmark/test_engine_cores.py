"""The benchmark of the engines on the first cores of a machine."""

import os

import pytest
import torch

from benchmarks.engines.cores import available_cores, run_on_cores


def cores_and_threads():
    return available_cores(), torch.get_num_threads()


@pytest.mark.long
def test_a_function_runs_with_one_core_and_one_thread_and_this_process_keeps_its_cores():
    before = os.sched_getaffinity(0)
    assert run_on_cores(1, cores_and_threads) == (1, 1)
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize("count", [0, available_cores() + 1])
def test_cores_that_the_process_lacks_are_refused(count):
    with pytest.raises(ValueError, match=f"{count} cores requested"):
        run_on_cores(count, available_cores)
