"""The state of a batch in words."""

from collections.abc import Iterator

from diarize_runner.batch.status import BatchStatus
from diarize_runner.progress import duration
from diarize_runner.transcript.formats.fields import one_line

_SHOWN = 20
"""Failures and shards that are named for people; programs get all."""


def figures(status: BatchStatus, price: float | None) -> Iterator[tuple[str, str]]:
    """Yield the name and the value of each figure; one worker costs `price` an hour."""
    factor, left = status.real_time_factor, status.seconds_left
    yield "done", str(status.done)
    yield "failed", str(len(status.failures))
    yield "left", "unknown" if status.left is None else str(status.left)
    yield "audio", duration(status.audio_seconds)
    yield "RTF", "unknown" if factor is None else f"{factor:.4f}"
    yield "worker hours", f"{status.worker_hours:.2f}"
    if price is not None:
        yield "cost", f"{status.worker_hours * price:.2f}"
    yield "working now", str(len(status.active))
    yield "time left", "unknown" if left is None else duration(left)


def lines(status: BatchStatus, price: float | None) -> Iterator[str]:
    """Yield the lines of one configuration, for people."""
    yield f"configuration {status.configuration}"
    yield f"  {', '.join(f'{name}: {value}' for name, value in figures(status, price))}"
    if status.problem:
        yield f"  warning: what is left is unknown: {one_line(status.problem)}"
    if never := status.shards_never_begun:
        named = ", ".join(map(str, never[:_SHOWN]))
        yield f"  shards that never began: {named}{f' and {len(never) - _SHOWN} more' if never[_SHOWN:] else ''}"
    for each in status.failures[:_SHOWN]:
        again = ", not tried again" if each.permanent else ""
        yield f"  failed{again}: {one_line(each.key)}: {one_line(each.problem)}"
    if more := status.failures[_SHOWN:]:
        yield f"  and {len(more)} more: --json lists all"
