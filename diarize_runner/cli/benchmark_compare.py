"""`diarize-runner benchmark compare`: whether the second of two reports is slower."""

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.benchmark.compare import Change, Comparison, compare
from diarize_runner.benchmark.formats.words import seconds, yes_or_no
from diarize_runner.benchmark.reading import read_report
from diarize_runner.cli.options import Commands, add_command
from diarize_runner.cli.output import Result
from diarize_runner.errors import UsageError
from diarize_runner.progress import Progress

if TYPE_CHECKING:
    from rich.table import Table


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "compare", run, "say how much slower or faster the second of two reports is")
    parser.add_argument("before", type=Path, metavar="A.json")
    parser.add_argument("after", type=Path, metavar="B.json")
    described = "exit 1 when B takes longer by more than this, in all"
    parser.add_argument("--fail-if-slower", type=_percent, metavar="10%", help=described)
    described = "compare though machine, packages or cache are not the same"
    parser.add_argument("--across-environments", action="store_true", help=described)


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Compare."""
    found = compare(read_report(arguments.before), read_report(arguments.after))
    if found.differences and not arguments.across_environments:
        problem = f"the reports are not of one environment: {'; '.join(found.differences)}"
        raise UsageError(problem, hint="measure both on one machine, or compare them with --across-environments")
    limit = arguments.fail_if_slower
    slower = limit is not None and found.ratio > 1 + limit
    return Result(document=_document(found, slower=slower), text=_table(found, limit), exit_code=int(slower))


def _document(found: Comparison, *, slower: bool) -> dict[str, object]:
    return {
        "ratio": found.ratio,
        "too_slow": slower,
        "differences": list(found.differences),
        "recordings": [_recording(change) for change in found.changes],
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


def _table(found: Comparison, limit: float | None) -> "Table":
    from rich.table import Table

    from diarize_runner.cli.terminal import caption

    verdict = f"in all, B takes {found.ratio:.3f} times as long as A"
    if limit is not None:
        verdict += f"; the limit is {1 + limit:.3f}"
    table = Table(caption=caption([verdict, *found.differences]), caption_justify="left")
    for heading in ("recording", "engine", "A (median)", "B (median)", "B / A", "least to most", "same output"):
        table.add_column(heading, justify="left" if heading in ("recording", "engine") else "right")
    for change in found.changes:
        table.add_row(
            change.before.uri,
            change.engine,
            seconds(change.before.median_seconds),
            seconds(change.after.median_seconds),
            f"{change.ratio:.3f}",
            f"{change.spread[0]:.3f} to {change.spread[1]:.3f}",
            yes_or_no(change.same_output),
        )
    return table


def _percent(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no percentage, such as 10%")
    return float(found[1]) / 100
