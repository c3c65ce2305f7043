"""Limits on an untrusted report: size, count, and divisors that are never zero."""

from diarize_runner.cache.documents.fields import Node

MAX_REPORT_BYTES = 64 << 20
"""Bytes."""
MAX_VALUES = 2_000_000
MAX_MEASUREMENTS = 2_000
"""Recordings of one series; a full day's workload has dozens."""
MAX_SERIES = 50
MAX_TEXT_LENGTH = 10_000
"""Characters."""
MAX_NUMBER = 1e15
"""More than any figure, bytes of memory included."""
MIN_SECONDS, MAX_SECONDS = 1e-9, 1e9
"""Below the resolution of any clock; thirty years."""


def require_bounded(root: Node) -> None:
    """Raise ManifestError, with the path, if a number or a text exceeds its bound, or there are too many values."""
    waiting, values = [root], 0
    while waiting:
        node = waiting.pop()
        values += 1
        if values > MAX_VALUES:
            raise root.error(
                f"more than {MAX_VALUES:,} values", hint="check the file: a benchmark writes a few thousand"
            )
        if isinstance(node.value, dict):
            waiting.extend(node.entries().values())
        elif isinstance(node.value, list):
            waiting.extend(node.items())
        else:
            _require_small(node)


def _require_small(node: Node) -> None:
    value = node.value
    if isinstance(value, str) and len(value) > MAX_TEXT_LENGTH:
        raise node.error(f"a text of more than {MAX_TEXT_LENGTH:,} characters")
    if isinstance(value, int | float) and not -MAX_NUMBER <= value <= MAX_NUMBER:
        raise node.error(f"a number beyond {MAX_NUMBER:g}")


def read_duration(node: Node) -> float:
    """Return a positive number of seconds."""
    seconds = node.number()
    if not MIN_SECONDS <= seconds <= MAX_SECONDS:
        raise node.error(f"{seconds:g} s is not a valid duration")
    return seconds


def read_items(node: Node, limit: int) -> tuple[Node, ...]:
    """Return the items of a list that has 1 to `limit` of them."""
    items = node.items()
    if not 1 <= len(items) <= limit:
        raise node.error(f"{len(items):,} entries: expected 1 to {limit:,}")
    return items
