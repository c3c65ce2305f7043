"""Hundreds of kills at random moments lose nothing, leave nothing half-written, and the next run finishes."""

import pytest
from support.random_kills import kill
from support.works import WORKS

KILLS = 100
"""Per work."""


@pytest.mark.parametrize("name", [name for name in WORKS if name != "an environment"])
def test_hundreds_of_kills_lose_nothing(name, tmp_path):
    runs = kill(WORKS[name], tmp_path, KILLS, seed=1)

    print(f"soak: {name}: {runs} runs, at least {KILLS} killed before their end, nothing lost")  # noqa: T201
