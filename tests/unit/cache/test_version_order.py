"""Sort versions as people expect."""

import itertools

import pytest

from diarize_runner.cache.published.version_order import sort_newest_first

OLDEST_FIRST = {
    "numbers": ("0.9", "1.2", "1.9", "1.9.1", "1.10", "2.0", "10.0"),
    "before a release and after it": (
        "2.0-dev",
        "2.0-alpha.2",
        "2.0-beta",
        "2.0-rc.1",
        "2.0-rc.2",
        "2.0-rc.10",
        "2.0",
        "2.0-1",
    ),
    "short forms": ("2.0a1", "2.0b1", "2.0rc1", "2.0", "2.0.post1", "2.1.dev1", "2.1"),
    "days": ("2024-05-01", "2024-05-02", "2024-05-10", "2024-10-01", "2025-01-01"),
    "days without hyphens": ("20240501", "20240502", "20241001"),
    "words that mean nothing": ("1.1", "1.1-abc", "1.1-hotfix", "1.1-hotfix.2", "1.1-hotfix.10", "1.2"),
    "the same but for zeros": ("1", "1.0", "1.0.0", "1.00", "1.1"),
    "oddities": ("1", "1-", "1.", "1x", "1x2", "1x10", "2"),
}


@pytest.mark.parametrize("ordered", OLDEST_FIRST.values(), ids=list(OLDEST_FIRST))
def test_versions_are_sorted_as_people_expect(ordered):
    for shuffled in itertools.islice(itertools.permutations(ordered), 500):
        assert sort_newest_first(shuffled) == list(reversed(ordered))
