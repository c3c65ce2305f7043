"""Neither boxes nor builds pass on a mutated checkpoint that is dangerous to load with torch."""

import pytest
from support.pickle_fuzz import count


@pytest.mark.long
def test_none_of_500_dangerous_mutants_passes():
    counts = count(500, seed=11)

    assert (counts.mutants, counts.passed) == (500, 0)
    assert counts.dangerous > 100, "many mutants must be dangerous to load with torch"
    assert counts.accepted > 5, "some mutants must still be clean"
    assert counts.rewritten > 20
