"""Render a report as Markdown."""

import re

from diarize_runner.benchmark.formats.heading import heading
from diarize_runner.benchmark.formats.table import Table
from diarize_runner.benchmark.formats.tables import tables
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.transcript.formats.fields import one_line

_MARKUP = re.compile(r"[\\`*_\[\]<>|&~]")


def render(report: BenchmarkReport) -> str:
    """Render the whole report."""
    lines = "\n".join(f"- {escape_markdown(line)}" for line in heading(report))
    parts = [f"## {table.title}\n\n{render_table(table)}" for table in tables(report)]
    return "\n\n".join(["# Benchmark", lines, *parts]) + "\n"


def render_table(table: Table) -> str:
    """Render one table, with its note below."""
    rows = [table.headings, ("---",) * len(table.headings), *table.rows]
    text = "\n".join("| " + " | ".join(map(escape_markdown, row)) + " |" for row in rows)
    return f"{text}\n\n{escape_markdown(table.note)}" if table.note else text


def escape_markdown(text: str) -> str:
    """Return the text on one line, with Markdown and HTML markup escaped.

    A backslash escapes any punctuation: https://spec.commonmark.org/0.31.2/#backslash-escapes.
    """
    return _MARKUP.sub(r"\\\g<0>", one_line(text))
