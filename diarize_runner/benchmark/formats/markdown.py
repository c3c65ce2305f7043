"""A report as Markdown."""

from diarize_runner.benchmark.formats.heading import heading
from diarize_runner.benchmark.formats.tables import Table, tables
from diarize_runner.benchmark.report import BenchmarkReport


def render(report: BenchmarkReport) -> str:
    """Return the whole report."""
    lines = "\n".join(f"- {line}" for line in heading(report))
    parts = [f"## {table.title}\n\n{rendered(table)}" for table in tables(report)]
    return "\n\n".join(["# Benchmark", lines, *parts]) + "\n"


def rendered(table: Table) -> str:
    """Return one table, with its note under it."""
    rows = [table.headings, ("---",) * len(table.headings), *table.rows]
    text = "\n".join("| " + " | ".join(map(_cell, row)) + " |" for row in rows)
    return f"{text}\n\n{table.note}" if table.note else text


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
