"""`diarize-runner benchmark history`: how hosts did over time."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.benchmark.history import Entry, history
from diarize_runner.cli.options import Commands, add_command
from diarize_runner.cli.output import Result
from diarize_runner.progress import Progress

if TYPE_CHECKING:
    from rich.table import Table

_WIDEST = 30
"""Characters of a bar."""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "history", run, "say how hosts did over time, by the reports in a folder")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="with HOST/TIME.json, or HOST.json")


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Read, draw."""
    entries = history(arguments.folder)
    return Result(document={"reports": [asdict(entry) for entry in entries]}, text=_drawn(entries))


def _drawn(entries: tuple[Entry, ...]) -> "Table":
    from rich.table import Table

    table = Table("host", "date", "workload", "engine", "device", "RTF", "change", "")
    most = max(entry.real_time_factor for entry in entries)
    for entry in entries:
        table.add_row(
            entry.host,
            entry.date or "undated",
            entry.workload or "unnamed",
            entry.engine,
            entry.device,
            f"{entry.real_time_factor:.3f}",
            f"{100 * (entry.change - 1):+.1f} %" if entry.change else "",
            "█" * max(1, round(_WIDEST * entry.real_time_factor / most)),
        )
    return table
