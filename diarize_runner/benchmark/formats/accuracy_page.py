"""The accuracy of a report as HTML: figures at a glance, recordings sorted by DER, and an overlay for each."""

from collections.abc import Iterator
from html import escape

from diarize_runner.benchmark.accuracy import INTERVAL, Accuracy, pool, worst_first
from diarize_runner.benchmark.alignment import CONFUSION, FALSE_ALARM, KINDS, MISSED, ErrorSeconds
from diarize_runner.benchmark.formats import accuracy_timeline
from diarize_runner.benchmark.formats.accuracy_tables import WORST_FIRST, format_interval, format_scored
from diarize_runner.benchmark.formats.accuracy_timeline import css_class, draw_overlay
from diarize_runner.benchmark.formats.figures import format_duration, format_percent
from diarize_runner.benchmark.measurement import Measurement, Score, Series
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.transcript.formats.fields import one_line

STYLE = f"""
:root {{ --missed: #b45309; --false: #7b3fa8; --confusion: #00796b; --found: #2f6cab }}
@media (prefers-color-scheme: dark) {{
  :root {{ --missed: #f5a04a; --false: #c79bf0; --confusion: #4fc9b6; --found: #7aa6d6 }}
}}
.figures {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .6rem; margin: .5rem 0 }}
.figures div {{ border: 1px solid var(--line); border-radius: 6px; padding: .5rem .7rem }}
.figures dt {{ color: var(--quiet); font-size: .85em }}
.figures dd {{ margin: 0; font-size: 1.35rem; font-weight: 600 }}
.figures small {{ display: block; color: var(--quiet); font-size: .8rem; font-weight: 400 }}
.key span {{ white-space: nowrap; margin-right: .9em }}
.key i {{ display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .35em }}
.worst {{ scroll-margin-top: 4rem }} .worst svg {{ width: 7rem; min-width: 0; height: 10px; display: block }}
.worst a, .back {{ color: var(--found) }} .recording h3 {{ margin: 1.6rem 0 .2rem; overflow-wrap: anywhere }}
.worst .who {{ max-width: 16rem; overflow: hidden; text-overflow: ellipsis }}
.recording:target h3 {{ text-decoration: underline; text-decoration-color: var(--found); text-underline-offset: 4px }}
@media (max-width: 40rem) {{ .worst .who {{ max-width: 9rem }} }}
{accuracy_timeline.STYLE}"""
_HEADINGS = ("recording", "errors", "DER", *KINDS, "JER", "speakers", "speech")


def render_summary(report: BenchmarkReport) -> str:
    """Return the figures and the table of recordings for each engine; an empty string without references."""
    return "\n".join(_render_series(report, number) for number, _ in _scored_series(report))


def render_overlays(report: BenchmarkReport) -> str:
    """Return the overlay of each recording, in the order of the table; an empty string without references."""
    sections = [
        _render_recording((number, row), _name(report, series, measured), measured, score)
        for number, series in _scored_series(report)
        for row, (measured, score, _) in enumerate(worst_first(series))
    ]
    return f"<h2>Timelines</h2>\n{_KEY}\n" + "\n".join(sections) if sections else ""


def _scored_series(report: BenchmarkReport) -> Iterator[tuple[int, Series]]:
    return ((number, series) for number, series in enumerate(report.series) if pool(series))


def _anchor(series: int, row: int) -> str:
    return f"recording-{series}-{row}"


def _table_anchor(series: int) -> str:
    return f"worst-{series}"


def _name(report: BenchmarkReport, series: Series, measured: Measurement) -> str:
    return f"{measured.uri}, {series.engine}" if len(report.series) > 1 else measured.uri


def _render_series(report: BenchmarkReport, number: int) -> str:
    series = report.series[number]
    accuracy, engine = pool(series), f", {one_line(series.engine)}" if len(report.series) > 1 else ""
    figures = "".join(map(_render_figure, _figures(accuracy))) if accuracy else ""
    title = escape(WORST_FIRST + engine, quote=True)
    region = f'class="wide worst" id="{_table_anchor(number)}" role="region" aria-label="{title}" tabindex="0"'
    return (
        f'<h2>Accuracy{escape(engine)}</h2>\n<dl class="figures">{figures}</dl>\n'
        f"<h2>{title}</h2>\n<div {region}>{_render_table(series, number)}</div>\n"
        '<p class="note">Each name links to a timeline. DER and JER use collar 0 and score overlap.</p>'
    )


def _render_table(series: Series, number: int) -> str:
    rows = worst_first(series)
    longest = max(seconds.errors / (seconds.speech or 1.0) for _, _, seconds in rows) or 1.0
    headings = "".join(f'<th scope="col">{heading}</th>' for heading in _HEADINGS)
    body = "\n".join(_render_row(_anchor(number, row), *scored, longest) for row, scored in enumerate(rows))
    return f"<table><tr>{headings}</tr>\n{body}</table>"


def _figures(accuracy: Accuracy) -> Iterator[tuple[str, str, str]]:
    """Yield name, figure and what to know about it."""
    interval = format_interval(accuracy)
    known = f"{100 * INTERVAL:.0f} % interval: {interval}" if accuracy.der_interval else "one recording: no interval"
    yield "DER", format_percent(accuracy.der), known
    yield MISSED, format_percent(accuracy.missed), "of the speech"
    yield FALSE_ALARM, format_percent(accuracy.false_alarm), "of the speech"
    yield CONFUSION, format_percent(accuracy.confusion), "of the speech"
    yield "JER", format_percent(accuracy.jer), "mean over all speakers"
    counts = f"{accuracy.right_counts} of {accuracy.recordings}"
    yield "right speaker counts", counts, f"absolute errors add up to {accuracy.count_error}"
    yield "speech", format_duration(accuracy.speech_seconds), "in the references"


def _render_figure(figure: tuple[str, str, str]) -> str:
    name, value, note = figure
    return f"<div><dt>{name}</dt><dd>{value}<small>{note}</small></dd></div>"


def _render_row(anchor: str, measured: Measurement, score: Score, seconds: ErrorSeconds, longest: float) -> str:
    name = escape(one_line(measured.uri), quote=True)
    link = f'<a href="#{anchor}" title="{name}">{name}</a>' if score.alignment else name
    cells = "".join(f"<td>{cell}</td>" for cell in format_scored(measured, score, seconds))
    return f'<tr><td class="who">{link}</td><td>{_draw_bar(seconds, longest)}</td>{cells}</tr>'


def _draw_bar(seconds: ErrorSeconds, longest: float) -> str:
    """Draw the errors as one bar; the longest DER of the table fills the cell."""
    start, parts = 0.0, []
    for kind, value in zip(KINDS, (seconds.missed, seconds.false_alarm, seconds.confusion), strict=True):
        width = 100 * value / (seconds.speech or 1.0) / longest
        parts.append(f'<rect class="{css_class(kind)}" x="{start:.2f}%" width="{width:.2f}%" height="10"/>')
        start += width
    return f'<svg aria-hidden="true">{"".join(parts)}</svg>'


def _render_recording(place: tuple[int, int], name: str, measured: Measurement, score: Score) -> str:
    if not score.alignment:
        return ""
    title = escape(one_line(name), quote=True)
    facts = f"{format_duration(measured.audio_seconds)}, DER {format_percent(score.der)}, "
    facts += f"{measured.counted_speakers} of {score.speakers} speakers"
    overlay = draw_overlay(measured.uri, score.alignment, measured.audio_seconds)
    return (
        f'<section class="recording" id="{_anchor(*place)}"><h3>{title}</h3>\n<p class="note">{facts} '
        f'<a class="back" href="#{_table_anchor(place[0])}">back to the table</a></p>\n'
        f'<div class="wide" role="region" aria-label="{title}" tabindex="0">{overlay}</div></section>'
    )


def _render_key() -> str:
    entries = [("ink", "reference"), ("found", "diarization"), *((css_class(kind), kind) for kind in KINDS)]
    entries.append(("line", "not scored"))
    marks = " ".join(f'<span><i style="background: var(--{colour})"></i>{name}</span>' for colour, name in entries)
    return f'<p class="note key">{marks}</p>'


_KEY = _render_key()
