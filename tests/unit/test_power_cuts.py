"""Power that is cut anywhere leaves the old or the new, whole; and what was said to be done is done."""

import os
import tempfile
from pathlib import Path

import pytest
from support.power_cuts import replay
from support.system_calls import require_strace
from support.works import WORKS
from support.works_on_files import CARELESS

MOST = 8
"""States of the disk that are looked at after each system call; tests/soak looks at more."""


@pytest.fixture(autouse=True)
def _strace():
    require_strace()


@pytest.fixture
def folder(tmp_path):
    """A folder in memory, where there is one: thousands of files are written, and none need be kept."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else tmp_path) as name:
        yield Path(name)


@pytest.mark.parametrize("name", WORKS)
def test_power_that_is_cut_anywhere_leaves_the_old_or_the_new_whole(name, folder):
    looked, wrong = replay(WORKS[name], folder, most=MOST)

    assert looked > 10, "the negative control: there was something to cut"
    assert wrong == []


@pytest.mark.parametrize("name", CARELESS)
def test_a_flush_that_is_left_out_is_found(name, folder):
    _, wrong = replay(CARELESS[name], folder, most=MOST)

    assert wrong
