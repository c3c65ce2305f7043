"""Render a report as one self-contained HTML file."""

from collections.abc import Iterable, Mapping
from html import escape

from diarize_runner.benchmark.formats import plots
from diarize_runner.benchmark.formats.heading import heading
from diarize_runner.benchmark.formats.tables import Table, tables
from diarize_runner.benchmark.report import BenchmarkReport

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fff; margin: 2rem auto; max-width: 72rem;
       padding: 0 1rem }
h1, h2 { font-weight: 600 } h2 { margin: 2rem 0 .5rem; font-size: 1.15rem }
ul { padding-left: 1.2rem; color: #555 } .note { color: #555; font-size: .9em; margin: .4rem 0 }
.wide { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .8rem .25rem 0; text-align: left; border-bottom: 1px solid #e4e4e4; white-space: nowrap }
th { font-weight: 600 } td.missing { color: #999 } td.bad { color: #b00020; font-weight: 600 }
svg { max-width: 100%; height: auto; font-family: system-ui, sans-serif }
"""
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
<ul>{heading}</ul>
{plots}
{tables}
</body>
</html>
"""
_MISSING = ("not measured", "no reference")


def render(report: BenchmarkReport) -> str:
    """Render one report."""
    svgs = {
        "RTF by duration": plots.real_time_factor(report),
        "Stages of a call": plots.stage_bars(report),
        "Memory over time": plots.memory_over_time(report),
    }
    return render_page(f"Benchmark {report.workload or ''}".strip(), heading(report), svgs, tables(report))


def render_page(title: str, lines: Iterable[str], svgs: Mapping[str, str], tables: Iterable[Table]) -> str:
    """Render lines of text, plots (SVG by title; skip empty ones), then tables."""
    return _PAGE.format(
        title=escape(title),
        style=_STYLE,
        heading="".join(f"<li>{escape(line)}</li>" for line in lines),
        plots="\n".join(f"<h2>{escape(name)}</h2>\n{svg}" for name, svg in svgs.items() if svg),
        tables="\n".join(map(_table, tables)),
    )


def _table(table: Table) -> str:
    headings = "".join(f"<th>{escape(text)}</th>" for text in table.headings)
    rows = "\n".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.rows)
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    title = escape(table.title)
    return f'<h2>{title}</h2>\n<div class="wide"><table>\n<tr>{headings}</tr>\n{rows}\n</table></div>\n{note}'


def _cell(text: str) -> str:
    kind = ' class="missing"' if text in _MISSING else ' class="bad"' if text == "NO" else ""
    return f"<td{kind}>{escape(text)}</td>"
