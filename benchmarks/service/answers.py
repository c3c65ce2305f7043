"""What locust's users wrote: a line of JSON for each answer."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

DELIBERATE = (503, 507)
"""Server errors by which the service refuses work on purpose: not ready, and disk full."""
_SERVER_ERROR = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The answer to a request."""

    name: str
    at: float
    """When the request was sent: seconds since the epoch."""
    seconds: float
    status: int
    """0 if there was no answer."""
    error: str = ""
    """Why there was none; for a slow client, how its connection ended."""
    location: str = ""
    """The header, which has the path of an accepted job."""


def read_answers(path: Path) -> list[Answer]:
    """Return the answers in the order in which they came; a last line that was cut off is left out."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    return [Answer(**json.loads(line)) for line in lines if line.endswith("\n")]


def percentile(values: Iterable[float], percent: float) -> float:
    """Return the smallest value that `percent` of them do not exceed, the nearest rank. Raises ValueError on none."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def summarise(answers: Sequence[Answer]) -> dict[str, object]:
    """Return the counts of status codes, and the percentiles of the times of those that were answered."""
    times = [answer.seconds for answer in answers if answer.status]
    latencies = {f"p{percent}_seconds": round(percentile(times, percent), 4) for percent in (50, 99) if times}
    return {
        "requests": len(answers),
        "statuses": count_statuses(answers),
        "server_errors": sum(_is_server_error(answer) for answer in answers),
        "unanswered": sum(not answer.status for answer in answers),
        **latencies,
        **({"max_seconds": round(max(times), 4)} if times else {}),
        **_errors(answers),
    }


def _errors(answers: Iterable[Answer]) -> dict[str, object]:
    """Return why requests had no answer, with counts, if any had none."""
    counts = Counter(answer.error for answer in answers if not answer.status)
    return {"errors": dict(sorted(counts.items()))} if counts else {}


def summarise_by_name(answers: Sequence[Answer]) -> dict[str, dict[str, object]]:
    """Return a summary for each name of a request."""
    names = sorted({answer.name for answer in answers})
    return {name: summarise([answer for answer in answers if answer.name == name]) for name in names}


def count_statuses(answers: Iterable[Answer]) -> dict[str, int]:
    """Return how many answers have each status code; `none` for requests without an answer."""
    counts = Counter(answer.status for answer in answers)
    return {str(status) if status else "none": counts[status] for status in sorted(counts)}


def _is_server_error(answer: Answer) -> bool:
    return answer.status >= _SERVER_ERROR and answer.status not in DELIBERATE
