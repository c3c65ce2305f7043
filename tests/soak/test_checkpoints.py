"""Mutated checkpoints, ten thousand of them."""

import pytest
from support.pickle_fuzz import count

MUTANTS = 10_000


@pytest.mark.parametrize("seed", [1])
def test_no_dangerous_mutant_passes(seed):
    counts = count(MUTANTS, seed)

    print(f"soak: {counts}")  # noqa: T201  # the result of a soak test
    assert (counts.mutants, counts.passed) == (MUTANTS, 0)
    assert counts.dangerous > MUTANTS // 5
