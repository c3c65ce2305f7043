"""A page with only the timeline, for embedding: a notebook shows it for a result."""

from string import Template

from diarize_runner.transcript.formats import html, timeline
from diarize_runner.transcript.formats.document import Document

_MARGINS = 76
"""Pixels for the axis, and above and below."""
_PAGE = Template("""\
<!DOCTYPE html>
<html lang="">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>$style
body { max-width: none; padding: 0.5rem; }
.facts { margin: 0 0 0.5rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.timeline, .timeline.many { grid-template-columns: fit-content(40vw) minmax(0, 1fr); max-height: none; }
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
    return _PAGE.substitute(html.render_timeline_parts(document))


def height(document: Document) -> int:
    """Return the height of the page in pixels."""
    lanes = len(html.assign_rows(document.transcript))
    return timeline.lane_height(lanes) * lanes + _MARGINS
