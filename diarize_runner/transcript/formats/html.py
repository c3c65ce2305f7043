"""A page to read, look at and listen to: one file, which opens without a network or a server.

It has a timeline with a lane for each speaker (timeline.py), how much each speaks, and the transcript; with sound, a
click on any of them plays from there. Speakers can be renamed, and the page saved with their names.

Nothing in a result is trusted: every text and name is escaped, and the page's policy lets run nothing but the script
that page/page.js is, by its digest, and load nothing but the recording. The page holds no time of its making and
nothing random: the same result is the same file.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from html import escape
from importlib.resources import files
from itertools import groupby
from operator import attrgetter
from string import Template

from diarize_runner.transcript.formats.clock import brief
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.fields import one_line
from diarize_runner.transcript.formats.overlap import overlaps_of
from diarize_runner.transcript.formats.provenance import Provenance
from diarize_runner.transcript.formats.timeline import colour, draw
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript
from diarize_runner.transcript.statistics import SpeakerStatistics, statistics_of

_NOBODY = "nobody"
_COLUMNS = ("who", "bar", "", "", "", "spare", "spare", "spare")
"""Classes of the talk-time table's columns; page/talk.html has their heads."""
_POLICY = (
    "default-src 'none'; script-src '{script}'; style-src '{style}'; media-src {media}; "
    "base-uri 'none'; form-action 'none'"
)


def render(document: Document) -> str:
    """Write the page."""
    transcript, style, script = document.transcript, _asset("page.css"), _asset("page.js")
    rows = rows_of(transcript)
    parts = {
        "policy": _policy(document.sound, style, script),
        "style": style,
        "script": script,
        "title": escape(one_line(transcript.uri)),
        "facts": escape(_facts(document)),
        "timeline": _timeline(document, rows),
        "player": _player(document.sound),
        "talk": _talk(transcript, rows),
        "transcript": "\n".join(_runs(transcript, rows)) or '<p class="empty">There is no transcript.</p>',
        "made": _made(document.provenance),
    }
    return Template(_asset("page.html")).substitute(parts)


def parts_of_timeline(document: Document) -> dict[str, str]:
    """Return the page's style, its line of facts and its timeline, for a page of these alone."""
    return {
        "style": _asset("page.css"),
        "facts": escape(f"{document.transcript.uri} · {_facts(document)}"),
        "timeline": _timeline(document, rows_of(document.transcript)),
    }


@cache
def _asset(name: str) -> str:
    return (files(__package__) / "page" / name).read_text(encoding="utf-8")


def _policy(sound: str | None, style: str, script: str) -> str:
    media = "'none'" if sound is None else "data:" if sound.startswith("data:") else "'self' file:"
    return escape(_POLICY.format(script=_hash(script), style=_hash(style), media=media), quote=True)


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def rows_of(transcript: LabelledTranscript) -> dict[str, int]:
    """Give every speaker a row: first those of the diarization, in their order, then those of the transcript alone."""
    named = sorted({segment.speaker for segment in transcript.segments if segment.speaker is not None})
    return {speaker: row for row, speaker in enumerate(dict.fromkeys((*transcript.diarization.speakers, *named)))}


def _facts(document: Document) -> str:
    diarization = document.transcript.diarization
    count = len(diarization.speakers)
    over = sum(overlap.end - overlap.start for overlap in overlaps_of(diarization.turns))
    share = 100 * over / document.duration if over else 0
    return f"{brief(document.duration)} · {count} speaker{'' if count == 1 else 's'} · overlap {share:.0f} %"


def _timeline(document: Document, rows: Mapping[str, int]) -> str:
    names = "".join(f'<li class="{colour(row)}">{_name(row, speaker)}</li>' for speaker, row in rows.items())
    drawing = draw(document.transcript.diarization.turns, tuple(rows), document.duration)
    return f'<div class="timeline">\n<ol class="names">{names}</ol>\n{drawing}\n</div>'


def _name(row: int, speaker: str) -> str:
    return f'<span data-name="{row}">{escape(one_line(speaker))}</span>'


def _player(sound: str | None) -> str:
    if sound is None:
        return ""
    player = f'<audio controls preload="metadata" src="{escape(sound, quote=True)}"></audio>'
    return f'{player}\n<p class="unplayable">The recording is not where it was, or this browser cannot play it.</p>\n'


def _talk(transcript: LabelledTranscript, rows: Mapping[str, int]) -> str:
    parts = statistics_of(transcript)
    most = max((part.seconds for part in parts), default=0.0) or 1.0
    body = "\n".join(_part_of(part, rows[part.speaker], part.seconds / most) for part in parts)
    return Template(_asset("talk.html")).substitute(body=body)


def _part_of(part: SpeakerStatistics, row: int, length: float) -> str:
    name = escape(one_line(part.speaker), quote=True)
    cells = (
        f'<input class="name" value="{name}" data-speaker="{row}" aria-label="Name of {name}" spellcheck="false">',
        f'<svg height="10" aria-hidden="true"><rect width="{100 * length:.2f}%" height="10" rx="2"/></svg>',
        brief(part.seconds),
        f"{100 * part.share:.0f} %",
        str(part.turns),
        brief(part.longest),
        brief(part.overlapped),
        str(part.words),
    )
    columns = "".join(f'<td class="{kind}">{cell}</td>' for kind, cell in zip(_COLUMNS, cells, strict=True))
    return f'<tr class="{colour(row)}">{columns}</tr>'


def _runs(transcript: LabelledTranscript, rows: Mapping[str, int]) -> Iterator[str]:
    """Write a paragraph for as long as one speaker goes on."""
    spoken = (segment for segment in transcript.segments if one_line(segment.text))
    for speaker, run in groupby(sorted(spoken, key=attrgetter("start")), key=attrgetter("speaker")):
        segments = list(run)
        kind, name = (_NOBODY, _NOBODY) if speaker is None else (colour(rows[speaker]), _name(rows[speaker], speaker))
        at = f'<button class="at" data-start="{segments[0].start:.3f}">{brief(segments[0].start)}</button>'
        said = "\n".join(map(_said, segments))
        yield f'<div class="run {kind}">{at}<div><p class="who">{name}</p>\n<p>{said}</p></div></div>'


def _said(segment: LabelledSegment) -> str:
    also = segment.attribution.also if segment.attribution else ()
    kind, over = (
        ("said over", f' title="{escape(one_line(" and ".join(also)), quote=True)} too"') if also else ("said", "")
    )
    times = f'data-start="{segment.start:.3f}" data-end="{segment.end:.3f}"'
    return f'<span class="{kind}" {times}{over}>{escape(one_line(segment.text))}</span>'


def _made(provenance: Provenance | None) -> str:
    if provenance is None:
        return ""
    facts = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in _lines(provenance.to_dict()))
    cache = f"{provenance.cache.name} {provenance.cache.version}"
    summary = f"Made by {provenance.tool} with the models {cache}, on {provenance.device}"
    return f"<details><summary>{escape(summary)}</summary><dl>{facts}</dl></details>"


def _lines(document: Mapping[str, object], place: str = "") -> Iterator[tuple[str, str]]:
    for key, value in document.items():
        if isinstance(value, Mapping):
            yield from _lines(value, f"{place}{key} ")
        else:
            yield f"{place}{key}", str(value)
