"""Mutated checkpoints: what torch would fall for is neither accepted by a box nor left in by a build."""

from support.pickle_fuzz import count


def test_of_500_mutants_none_that_torch_would_fall_for_passes():
    counts = count(500, seed=11)

    assert (counts.mutants, counts.passed) == (500, 0)
    assert counts.dangerous > 100, "torch would have fallen for many of them"
    assert counts.accepted > 5, "and some are still clean"
    assert counts.rewritten > 20
