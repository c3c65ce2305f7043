"""The timeline alone, as a page to be put in another: what a notebook shows of a result."""

from string import Template

from diarize_runner.transcript.formats import html, timeline
from diarize_runner.transcript.formats.document import Document

_AROUND = 72
"""Pixels above and below the lanes and their axis."""
_PAGE = Template("""\
<!DOCTYPE html>
<html lang="">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>$style
body { max-width: none; padding: 0.5rem; }
.facts { margin: 0 0 0.5rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.timeline { grid-template-columns: max-content minmax(0, 1fr); max-height: none; }
.names { max-width: 40vw; }
</style>
</head>
<body>
<p class="facts">$facts</p>
$timeline
</body>
</html>
""")


def render(document: Document) -> str:
    """Write the page."""
    return _PAGE.substitute(html.parts_of_timeline(document))


def height(document: Document) -> int:
    """Return how high it is, in pixels."""
    return timeline.LANE * len(html.rows_of(document.transcript)) + _AROUND
