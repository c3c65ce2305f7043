"""Power cut after every system call of each work, with hundreds of states of the disk after each of them."""

import pytest
from support.power_cuts import replay
from support.system_calls import require_strace
from support.works import WORKS

MOST = 200
"""States that are looked at after each system call."""


@pytest.mark.parametrize("name", WORKS)
def test_hundreds_of_power_cuts_lose_nothing(name, tmp_path):
    require_strace()

    looked, wrong = replay(WORKS[name], tmp_path, most=MOST, seed=1)

    print(f"soak: {name}: {looked:,} states after power cuts, {len(wrong)} wrong")  # noqa: T201
    assert wrong == []
