"""A power cut at any point leaves the old or the new state, and completed writes survive."""

import os
import tempfile
from pathlib import Path

import pytest
from support.power_cuts import replay
from support.system_calls import require_strace
from support.works import WORKS
from support.works_on_files import UNFLUSHED_WORKS

MAX_STATES = 8
"""Disk states checked after each system call; tests/soak checks more."""


@pytest.fixture(autouse=True)
def _strace():
    require_strace()


@pytest.fixture
def folder(tmp_path):
    """A folder in memory if possible: the tests write thousands of temporary files."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else tmp_path) as name:
        yield Path(name)


@pytest.mark.long
@pytest.mark.parametrize("name", WORKS)
def test_a_power_cut_leaves_the_old_or_the_new_state(name, folder):
    looked, wrong = replay(WORKS[name], folder, most=MAX_STATES)

    assert looked > 10, "the negative control: there was something to cut"
    assert wrong == []


@pytest.mark.parametrize("name", UNFLUSHED_WORKS)
def test_a_missing_flush_is_detected(name, folder):
    _, wrong = replay(UNFLUSHED_WORKS[name], folder, most=MAX_STATES)

    assert wrong
