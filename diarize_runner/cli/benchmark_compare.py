"""`diarize-runner benchmark compare`: compare the times of two reports."""

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.benchmark.compare import Change, Comparison, compare
from diarize_runner.benchmark.formats.figures import format_bool, format_seconds
from diarize_runner.benchmark.reading import read_report
from diarize_runner.cli.output import Result
from diarize_runner.errors import UsageError
from diarize_runner.progress import Progress

if TYPE_CHECKING:
    from rich.table import Table


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `benchmark compare`."""
    parser.add_argument("before", type=Path, metavar="A.json", help="the report to compare with")
    parser.add_argument("after", type=Path, metavar="B.json", help="the report that may be slower")
    described = "exit 1 if B's total time exceeds A's by more than this"
    parser.add_argument("--fail-if-slower", type=_percent, metavar="10%", help=described)
    described = "compare even if the machine, packages or cache differ"
    parser.add_argument("--across-environments", action="store_true", help=described)


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Compare two reports."""
    comparison = compare(read_report(arguments.before), read_report(arguments.after))
    if comparison.differences and not arguments.across_environments:
        problem = f"the environments of the reports differ: {'; '.join(comparison.differences)}"
        raise UsageError(problem, hint="measure both on one machine, or add --across-environments")
    limit = arguments.fail_if_slower
    too_slow = limit is not None and comparison.ratio > 1 + limit
    document = _document(comparison, too_slow=too_slow)
    return Result(document=document, text=_table(comparison, limit), exit_code=int(too_slow))


def _document(comparison: Comparison, *, too_slow: bool) -> dict[str, object]:
    return {
        "ratio": comparison.ratio,
        "too_slow": too_slow,
        "differences": list(comparison.differences),
        "recordings": [_recording(change) for change in comparison.changes],
    }


def _recording(change: Change) -> dict[str, object]:
    return {
        "uri": change.before.uri,
        "engine": change.engine,
        "device": change.device,
        "before_seconds": list(change.before.processing_seconds),
        "after_seconds": list(change.after.processing_seconds),
        "ratio": change.ratio,
        "least_ratio": change.spread[0],
        "greatest_ratio": change.spread[1],
        "same_output": change.same_output,
    }


def _table(comparison: Comparison, limit: float | None) -> "Table":
    from rich.table import Table

    from diarize_runner.cli.terminal import caption

    verdict = f"in total, B takes {comparison.ratio:.3f} times as long as A"
    if limit is not None:
        verdict += f"; the limit is {1 + limit:.3f}"
    table = Table(caption=caption([verdict, *comparison.differences]), caption_justify="left")
    for heading in ("recording", "engine", "A (median)", "B (median)", "B / A", "range", "same output"):
        table.add_column(heading, justify="left" if heading in ("recording", "engine") else "right")
    for change in comparison.changes:
        table.add_row(
            change.before.uri,
            change.engine,
            format_seconds(change.before.median_seconds),
            format_seconds(change.after.median_seconds),
            f"{change.ratio:.3f}",
            f"{change.spread[0]:.3f} to {change.spread[1]:.3f}",
            format_bool(change.same_output),
        )
    return table


def _percent(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is not a percentage, such as 10%")
    return float(match[1]) / 100
