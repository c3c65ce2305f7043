"""A kill at any moment leaves the old or the new, whole, and the next run finishes; tests/soak kills more often."""

import pytest
from support.random_kills import kill
from support.works import WORKS

KILLS = 2
"""Of each work."""


@pytest.mark.parametrize("name", [name for name in WORKS if name != "an environment"])
def test_a_work_that_is_killed_at_any_moment_is_finished_by_the_next_run(name, tmp_path):
    assert kill(WORKS[name], tmp_path, KILLS) >= KILLS
