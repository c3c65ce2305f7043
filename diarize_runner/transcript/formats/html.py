"""An HTML page in one file, which opens without a network or a server.

It has a timeline with a lane for each speaker (timeline.py), a table of talk time, and the transcript, which you can
search. If it has a player, a click on the timeline or transcript plays from there, the arrow keys move along the
timeline, and the transcript follows. You can rename speakers, and save the page, SRT, RTTM and JSON with their names.

A result is untrusted: every text and name is escaped, and the page's Content-Security-Policy allows only the script
page/page.js, by its digest, and only the recording to load. The result's JSON is in the page as data, which no browser
runs (https://html.spec.whatwg.org/#data-block). The page has no creation time and nothing random, so equal results are
equal files.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from itertools import groupby
from operator import attrgetter
from string import Template

from diarize_runner.control_characters import escape_controls_in_json
from diarize_runner.transcript.formats import json
from diarize_runner.transcript.formats.clock import format_short
from diarize_runner.transcript.formats.document import SENT_BY_FRAME, Document
from diarize_runner.transcript.formats.fields import one_line
from diarize_runner.transcript.formats.overlap import find_overlaps
from diarize_runner.transcript.formats.provenance import Provenance
from diarize_runner.transcript.formats.timeline import css_class, draw, lanes_class, tooltip_data
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript
from diarize_runner.transcript.statistics import SpeakerStatistics, compute_statistics

_NOBODY = "nobody"
_COLUMNS = ("who", "bar", "", "", "", "spare", "spare", "spare")
"""Classes of the talk-time table's columns; page/talk.html has the header row."""
_NAME_INPUT = 'spellcheck="false" dir="auto"'
_POLICY = (
    "default-src 'none'; script-src '{script}'; style-src '{style}'; media-src {media}; "
    "base-uri 'none'; form-action 'none'"
)


def render(document: Document) -> str:
    """Write the page."""
    transcript, style, script = document.transcript, _style(), _read_asset("page.js")
    rows = assign_rows(transcript)
    parts = {
        "policy": _build_policy(document.audio_src, style, script),
        "style": style,
        "script": script,
        "title": escape(one_line(transcript.uri)),
        "facts": escape(_summarize(document)),
        "warnings": _render_warnings(transcript.warnings),
        "language": escape(transcript.language or "", quote=True),
        "timeline": _render_timeline(document, rows),
        "player": _render_player(document.audio_src),
        "controls": _render_controls(document),
        "talk_time": _render_talk_time(transcript, rows),
        "transcript": "\n".join(_render_runs(document, rows)) or '<p class="empty">There is no transcript.</p>',
        "provenance": _render_provenance(document.provenance),
        "data": _render_data(document),
    }
    return _fill("page.html", **parts)


def render_timeline_parts(document: Document) -> dict[str, str]:
    """Return the style, the line of facts and the timeline, for a page without the rest."""
    return {
        "style": _style(),
        "facts": f'<span dir="auto">{escape(document.transcript.uri)}</span> · {escape(_summarize(document))}',
        "timeline": _render_timeline(document, assign_rows(document.transcript)),
    }


def palette() -> str:
    """Return the style with only the page's colours, for a page that looks like it."""
    return _read_asset("palette.css")


def allowed_parts() -> tuple[str, str]:
    """Return the script and the style of the page, which the policy of a page that frames it must allow."""
    return _read_asset("page.js"), _style()


def _style() -> str:
    return palette() + _read_asset("page.css")


@cache
def _read_asset(name: str) -> str:
    return (files(__package__) / "page" / name).read_text(encoding="utf-8")


def _build_policy(audio_src: str | None, style: str, script: str) -> str:
    policy = _POLICY.format(script=csp_hash(script), style=csp_hash(style), media=_media_source(audio_src))
    return escape(policy, quote=True)


def _media_source(audio_src: str | None) -> str:
    if audio_src is None:
        return "'none'"
    scheme = next((each for each in ("data:", "blob:") if audio_src.startswith(each)), None)
    return scheme or "'self' file:"


def csp_hash(text: str) -> str:
    """Return the source of a policy that allows a script or style with this text."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def assign_rows(transcript: LabelledTranscript) -> dict[str, int]:
    """Return the row of each speaker: first those of the diarization, then those only in the transcript."""
    labels = sorted({segment.speaker for segment in transcript.segments if segment.speaker is not None})
    return {speaker: row for row, speaker in enumerate(dict.fromkeys((*transcript.diarization.speakers, *labels)))}


def _summarize(document: Document) -> str:
    diarization = document.transcript.diarization
    count = len(diarization.speakers)
    overlap_seconds = sum(overlap.end - overlap.start for overlap in find_overlaps(diarization.turns))
    share = 100 * overlap_seconds / document.duration if overlap_seconds else 0
    return f"{format_short(document.duration)} · {count} speaker{'' if count == 1 else 's'} · overlap {share:.0f} %"


def _render_warnings(warnings: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(one_line(warning))}</li>" for warning in warnings)
    return f'<ul class="warnings" role="alert" aria-label="Warnings">{items}</ul>\n' if items else ""


def _render_timeline(document: Document, rows: Mapping[str, int]) -> str:
    names = "".join(f'<li class="{css_class(row)}">{_render_name(row, speaker)}</li>' for speaker, row in rows.items())
    drawing = draw(document.transcript.diarization.turns, tuple(rows), document.duration)
    return f'<div class="{lanes_class(len(rows))}">\n<ol class="names">{names}</ol>\n{drawing}\n</div>'


def _render_name(row: int, speaker: str) -> str:
    return f'<span dir="auto" data-name="{row}">{escape(one_line(speaker))}</span>'


def _render_player(audio_src: str | None) -> str:
    if audio_src is None:
        return ""
    return _fill("player.html", src="" if audio_src == SENT_BY_FRAME else f' src="{escape(audio_src, quote=True)}"')


def _render_controls(document: Document) -> str:
    """Render what only the script makes useful; it shows them."""
    play = "" if document.audio_src is None else _fill("play.html")
    find = _fill("find.html") if any(map(_is_spoken, document.transcript.segments)) else ""
    return _fill("controls.html", play=play, find=find) if play or find else ""


def _render_data(document: Document) -> str:
    # In a script element, `<` may end it or begin a comment: https://html.spec.whatwg.org/#restrictions-for-contents-of-script-elements
    return escape_controls_in_json(json.render(document)).replace("<", "\\u003c")


def _fill(asset: str, **parts: str) -> str:
    return Template(_read_asset(asset)).substitute(parts)


def _render_talk_time(transcript: LabelledTranscript, rows: Mapping[str, int]) -> str:
    parts = compute_statistics(transcript)
    most = max((part.seconds for part in parts), default=0.0) or 1.0
    body = "\n".join(_render_talk_row(part, rows[part.speaker], part.seconds / most) for part in parts)
    srt = ' <button data-save="srt">SRT</button>' if any(map(_is_spoken, transcript.segments)) else ""
    return _fill("talk.html", body=body, transcript=srt)


def _render_talk_row(part: SpeakerStatistics, row: int, length: float) -> str:
    name = escape(one_line(part.speaker), quote=True)
    cells = (
        f'<input class="name" value="{name}" data-speaker="{row}" aria-label="Name of {name}" {_NAME_INPUT}>',
        f'<svg height="10" aria-hidden="true"><rect width="{100 * length:.2f}%" height="10" rx="2"/></svg>',
        format_short(part.seconds),
        f"{100 * part.share:.0f} %",
        str(part.turns),
        format_short(part.longest),
        format_short(part.overlapped),
        str(part.words),
    )
    columns = "".join(f'<td class="{kind}">{cell}</td>' for kind, cell in zip(_COLUMNS, cells, strict=True))
    return f'<tr class="{css_class(row)}">{columns}</tr>'


def _is_spoken(segment: LabelledSegment) -> bool:
    return bool(one_line(segment.text))


def _render_runs(document: Document, rows: Mapping[str, int]) -> Iterator[str]:
    """Yield one paragraph for each run of segments by one speaker."""
    spoken = filter(_is_spoken, document.transcript.segments)
    for speaker, run in groupby(sorted(spoken, key=attrgetter("start")), key=attrgetter("speaker")):
        segments = list(run)
        kind = _NOBODY if speaker is None else css_class(rows[speaker])
        name = _NOBODY if speaker is None else _render_name(rows[speaker], speaker)
        at = _render_start(segments[0].start, document.audio_src)
        texts = "\n".join(_render_segment(segment, rows) for segment in segments)
        yield f'<div class="run {kind}">{at}<div><p class="who">{name}</p>\n<p dir="auto">{texts}</p></div></div>'


def _render_start(seconds: float, audio_src: str | None) -> str:
    if audio_src is None:
        return f'<span class="at">{format_short(seconds)}</span>'
    return f'<button class="at" data-start="{seconds:.3f}">{format_short(seconds)}</button>'


def _render_segment(segment: LabelledSegment, rows: Mapping[str, int]) -> str:
    others = tuple(other for other in segment.attribution.also if other in rows) if segment.attribution else ()
    names = escape(one_line(" and ".join(others)), quote=True)
    kind, title = ("said over", f' title="{names} too" {tooltip_data(others, rows, "too")}') if others else ("said", "")
    times = f'data-start="{segment.start:.3f}" data-end="{segment.end:.3f}"'
    return f'<span class="{kind}" dir="auto" {times}{title}>{escape(one_line(segment.text))}</span>'


def _render_provenance(provenance: Provenance | None) -> str:
    if provenance is None:
        return ""
    facts = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in _flatten(provenance.to_dict()))
    cache = f"{provenance.cache.name} {provenance.cache.version}"
    summary = f"Made by {provenance.tool} with the models {cache}, on {provenance.device}"
    return f"<details><summary>{escape(summary)}</summary><dl>{facts}</dl></details>"


def _flatten(document: Mapping[str, object], place: str = "") -> Iterator[tuple[str, str]]:
    for key, value in document.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{place}{key} ")
        else:
            yield f"{place}{key}", str(value)
