"""What a report from somebody else may hold: figures were measured, so none that divides is zero, and none is huge."""

from diarize_runner.cache.documents.fields import Node

LARGEST_REPORT = 64 << 20
"""Bytes."""
MOST_VALUES = 2_000_000
MOST_MEASUREMENTS = 2_000
"""Recordings of one series: a workload of a day has some dozens."""
MOST_SERIES = 50
LONGEST_TEXT = 10_000
"""Characters."""
LARGEST_NUMBER = 1e15
"""Bytes of memory, for one, are fewer."""
SHORTEST, LONGEST = 1e-9, 1e9
"""Seconds: what no clock can tell, and thirty years."""


def require_bounded(root: Node) -> None:
    """Raise ManifestError, with the place, at a number or a text beyond its bound, or at a value too many."""
    waiting, values = [root], 0
    while waiting:
        node = waiting.pop()
        values += 1
        if values > MOST_VALUES:
            raise root.error(f"more than {MOST_VALUES:,} values", hint="a benchmark writes some thousands")
        if isinstance(node.value, dict):
            waiting.extend(node.entries().values())
        elif isinstance(node.value, list):
            waiting.extend(node.items())
        else:
            _require_small(node)


def _require_small(node: Node) -> None:
    value = node.value
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        raise node.error(f"a text of more than {LONGEST_TEXT:,} characters")
    if isinstance(value, int | float) and not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
        raise node.error(f"a number beyond {LARGEST_NUMBER:g}")


def duration(node: Node) -> float:
    """Return a number of seconds that can be divided by."""
    seconds = node.number()
    if not SHORTEST <= seconds <= LONGEST:
        raise node.error(f"{seconds:g} s cannot have been measured")
    return seconds


def some(node: Node, most: int) -> tuple[Node, ...]:
    """Return the values of a list that has one at the least, and `most` at the most."""
    items = node.items()
    if not 1 <= len(items) <= most:
        raise node.error(f"{len(items):,} entries: from 1 to {most:,} are expected")
    return items
