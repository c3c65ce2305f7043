"""Render a report as one self-contained HTML file."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape

from diarize_runner.benchmark.formats import accuracy_page, plots
from diarize_runner.benchmark.formats.accuracy_tables import accuracy_table, worst_first_table
from diarize_runner.benchmark.formats.heading import heading
from diarize_runner.benchmark.formats.table import Table
from diarize_runner.benchmark.formats.tables import guide_table, tables
from diarize_runner.benchmark.report import BenchmarkReport

_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2128; --quiet: #5d6570; --line: #dfe3e8; --bad: #b00020;
        --plot-0: #4c78a8; --plot-1: #c46a00; --plot-2: #3f8a38; --plot-3: #9a5b8a }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14171c; --ink: #e4e8ee; --quiet: #98a2b0; --line: #313843; --bad: #ff8a93;
          --plot-0: #7aa6d6; --plot-1: #f5a04a; --plot-2: #7cc674; --plot-3: #d39cc4 }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
       max-width: 72rem; padding: 0 1rem }
h1, h2 { font-weight: 600; overflow-wrap: anywhere } h2 { margin: 2rem 0 .5rem; font-size: 1.15rem }
ul { padding-left: 1.2rem; color: var(--quiet); overflow-wrap: anywhere }
.note { color: var(--quiet); font-size: .9em; margin: .4rem 0 }
.wide { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums }
.wide:focus-visible { outline: 2px solid var(--plot-0); outline-offset: 2px }
th, td { padding: .25rem .8rem .25rem 0; text-align: left; border-bottom: 1px solid var(--line); white-space: nowrap }
th { font-weight: 600 } td.missing { color: var(--quiet) } td.bad { color: var(--bad); font-weight: 600 }
svg { width: 100%; max-width: 48rem; min-width: 44rem; height: auto; font-family: system-ui, sans-serif }
svg text { fill: var(--ink) }
@media (max-width: 40rem) {
  body { margin: 1rem auto } th { white-space: normal; vertical-align: bottom } th, td { padding-right: .5rem }
}
"""
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
{first}
<ul>{heading}</ul>
{overlays}
{plots}
{tables}
</body>
</html>
"""
_MISSING = ("not measured", "no reference")


@dataclass(frozen=True, kw_only=True, slots=True)
class Accuracy:
    """HTML of the accuracy: before all else, and after the heading."""

    summary: str = ""
    overlays: str = ""


NO_ACCURACY = Accuracy()


def render(report: BenchmarkReport) -> str:
    """Render one report."""
    svgs = {
        "RTF by duration": plots.real_time_factor(report),
        "Stages of a call": plots.stage_bars(report),
        "Memory over time": plots.memory_over_time(report),
    }
    guide = guide_table(report)
    accuracy = Accuracy(summary=accuracy_page.render_summary(report), overlays=accuracy_page.render_overlays(report))
    as_html = (accuracy_table(report), worst_first_table(report))
    others = [table for table in tables(report) if table not in (guide, *as_html)]
    title = f"Benchmark {report.workload or ''}".strip()
    if accuracy.summary:
        return render_page(title, None, heading(report), svgs, [guide, *others], accuracy)
    return render_page(title, guide, heading(report), svgs, others)


def render_page(
    title: str,
    first: Table | None,
    lines: Iterable[str],
    svgs: Mapping[str, str],
    others: Iterable[Table],
    accuracy: Accuracy = NO_ACCURACY,
) -> str:
    """Render what matters most, lines of text, plots (SVG by title; skip empty ones), then the other tables."""
    return _PAGE.format(
        title=escape(title),
        style=_STYLE + (accuracy_page.STYLE if accuracy.summary else ""),
        first=accuracy.summary + (_table(first) if first else ""),
        overlays=accuracy.overlays,
        heading="".join(f"<li>{escape(line)}</li>" for line in lines),
        plots="\n".join(_section(name, svg) for name, svg in svgs.items() if svg),
        tables="\n".join(map(_table, others)),
    )


def _table(table: Table) -> str:
    headings = "".join(f'<th scope="col">{escape(text)}</th>' for text in table.headings)
    rows = "\n".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.rows)
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    return f"{_section(table.title, f'<table><tr>{headings}</tr>{rows}</table>')}{note}"


def _section(title: str, content: str) -> str:
    """Render a table or a plot that scrolls sideways where the window is narrow, also with the keyboard."""
    name = escape(title, quote=True)
    return f'<h2>{name}</h2>\n<div class="wide" role="region" aria-label="{name}" tabindex="0">{content}</div>\n'


def _cell(text: str) -> str:
    kind = ' class="missing"' if text in _MISSING else ' class="bad"' if text == "NO" else ""
    return f"<td{kind}>{escape(text)}</td>"
