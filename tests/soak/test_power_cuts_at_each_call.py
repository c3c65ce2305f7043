"""Power cuts after every system call of each work, with hundreds of disk states for each."""

import pytest
from support.power_cuts import replay
from support.system_calls import require_strace
from support.works import WORKS

MOST = 200
"""Disk states per system call."""


@pytest.mark.parametrize("name", WORKS)
def test_hundreds_of_power_cuts_lose_nothing(name, tmp_path):
    require_strace()

    checked, failures = replay(WORKS[name], tmp_path, most=MOST, seed=1)

    print(f"soak: {name}: {checked:,} states after power cuts, {len(failures)} wrong")  # noqa: T201
    assert failures == []
