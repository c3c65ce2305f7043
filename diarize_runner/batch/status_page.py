"""The state of a batch as one self-contained HTML file: figures, a bar, the failures and the workers."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from html import escape

from diarize_runner.batch.attempts import Attempts
from diarize_runner.batch.progress_log import WorkerProgress
from diarize_runner.batch.status import BatchStatus
from diarize_runner.batch.status_text import figures
from diarize_runner.progress import duration
from diarize_runner.transcript.formats.html import palette

_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
       max-width: 60rem; padding: 0 1rem }
h1, h2, h3 { line-height: 1.25; overflow-wrap: anywhere } h1 { font-size: 1.5rem } h2 { font-size: 1.125rem }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem }
section { margin: 0 0 2.5rem }
.quiet { color: var(--quiet) }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: .75rem 1.5rem; margin: 1rem 0 }
dt { color: var(--quiet); font-size: .875rem } dd { margin: 0; font-weight: 600; font-variant-numeric: tabular-nums }
.bar { display: flex; height: .75rem; border: 1px solid var(--edge); border-radius: .375rem; overflow: hidden }
.bar .done { background: var(--focus) } .bar .failed { background: var(--ink) }
.wide { overflow-x: auto } .wide:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100% }
th, td { padding: .25rem 1rem .25rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line) }
td:first-child, td:last-child { overflow-wrap: anywhere } td:first-child { min-width: 12rem }
"""
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Batch: {address}</title>
<style>{style}</style>
</head>
<body>
<h1>Batch: {address}</h1>
<p class="quiet">{when}</p>
{sections}
</body>
</html>
"""


def render(address: str, statuses: Sequence[BatchStatus], price: float | None) -> str:
    """Render the state of each configuration in OUTPUT at `address`."""
    now = datetime.fromtimestamp(statuses[0].now, tz=timezone.utc)
    return _PAGE.format(
        address=escape(address),
        style=palette() + _STYLE,
        when=now.strftime("As of %Y-%m-%d %H:%M UTC"),
        sections="\n".join(_section(each, price) for each in statuses),
    )


def _section(status: BatchStatus, price: float | None) -> str:
    pairs = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in figures(status, price)
    )
    parts = [f"<h2>Configuration {status.configuration}</h2>", _bar(status), f"<dl>{pairs}</dl>"]
    if status.problem:
        parts.append(f"<p>What is left is unknown: {escape(status.problem)}</p>")
    if status.failures:
        parts.append(_table("Failed", ("recording", "attempts", "error"), map(_failure, status.failures)))
    if status.processes:
        headings = ("process", "shard", "done", "failed", "audio", "last seen")
        parts.append(_table("Workers", headings, (_process(each, status.now) for each in status.processes)))
    return f"<section>{''.join(parts)}</section>"


def _bar(status: BatchStatus) -> str:
    failed = len(status.failures)
    total = max(1, status.done + failed + (status.left or 0))
    done_share, failed_share = 100 * status.done / total, 100 * failed / total
    label = f"{status.done} done, {failed} failed, of {total}"
    return (
        f'<div class="bar" role="img" aria-label="{label}"><div class="done" style="width: {done_share:.2f}%"></div>'
        f'<div class="failed" style="width: {failed_share:.2f}%"></div></div>'
    )


def _failure(attempts: Attempts) -> tuple[str, ...]:
    again = ", not tried again" if attempts.permanent else ""
    return attempts.key, f"{attempts.count}{again}", attempts.problem


def _process(process: WorkerProgress, now: float) -> tuple[str, ...]:
    seen = "ended" if process.ended else f"{duration(now - process.updated)} ago"
    shard = f"{process.shard} of {process.shards}" if process.shards > 1 else ""
    return process.process, shard, str(process.done), str(process.failed), duration(process.audio_seconds), seen


def _table(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in headings)
    body = "".join(f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>" for row in rows)
    return (
        f'<h3>{title}</h3><div class="wide" role="region" aria-label="{title}" tabindex="0">'
        f"<table><tr>{head}</tr>{body}</table></div>"
    )
