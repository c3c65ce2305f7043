"""A report as Markdown."""

import re

from diarize_runner.benchmark.formats.heading import heading
from diarize_runner.benchmark.formats.tables import Table, tables
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.transcript.formats.fields import one_line

_MARKUP = re.compile(r"[\\`*_\[\]<>|&~]")


def render(report: BenchmarkReport) -> str:
    """Return the whole report."""
    lines = "\n".join(f"- {plain(line)}" for line in heading(report))
    parts = [f"## {table.title}\n\n{rendered(table)}" for table in tables(report)]
    return "\n\n".join(["# Benchmark", lines, *parts]) + "\n"


def rendered(table: Table) -> str:
    """Return one table, with its note under it."""
    rows = [table.headings, ("---",) * len(table.headings), *table.rows]
    text = "\n".join("| " + " | ".join(map(plain, row)) + " |" for row in rows)
    return f"{text}\n\n{plain(table.note)}" if table.note else text


def plain(text: str) -> str:
    """Return the text on one line, with nothing in it that Markdown or HTML would read as more than text.

    Any punctuation may have a backslash before it: https://spec.commonmark.org/0.31.2/#backslash-escapes.
    """
    return _MARKUP.sub(r"\\\g<0>", one_line(text))
