"""A kill at any moment leaves the old or the new state, and the next run finishes; tests/soak kills more often."""

import pytest
from support.random_kills import kill
from support.works import WORKS

KILLS = 2
"""Kills per operation."""


@pytest.mark.parametrize("name", [name for name in WORKS if name != "an environment"])
def test_the_next_run_finishes_a_killed_operation(name, tmp_path):
    assert kill(WORKS[name], tmp_path, KILLS) >= KILLS
