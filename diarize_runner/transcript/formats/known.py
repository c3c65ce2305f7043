"""Every format, by its name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

from diarize_runner.errors import UsageError
from diarize_runner.transcript.formats import (
    ctm,
    eaf,
    html,
    json,
    labels,
    rttm,
    srt,
    stm,
    textgrid,
    txt,
    vtt,
    whisperlive,
)
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.model import LabelledTranscript


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """A way to write results down."""

    suffix: str
    """What the name of a file in it ends with."""
    says: str
    """For people who choose."""
    render: Callable[[Document], str]
    needs_transcript: bool = False
    """Whether there is nothing to write without one."""


def _of_transcript(render: Callable[[LabelledTranscript], str]) -> Callable[[Document], str]:
    return lambda document: render(document.transcript)


def _said(suffix: str, says: str, render: Callable[[LabelledTranscript], str]) -> Format:
    return Format(suffix=suffix, says=says, render=_of_transcript(render), needs_transcript=True)


FORMATS = {
    "json": Format(suffix=".json", says="all that is known", render=json.render),
    "srt": _said(".srt", "subtitles with [SPEAKER_00] in front", srt.render),
    "vtt": _said(".vtt", "WebVTT subtitles, a voice for each speaker", vtt.render),
    "txt": _said(".txt", "to read", txt.render),
    "ctm": _said(".ctm", "words, for scorers: untimed ones share their segment's time", ctm.render),
    "stm": _said(".stm", "segments, for scorers", stm.render),
    "rttm": Format(
        suffix=".rttm",
        says="speaker turns, for scorers",
        render=lambda document: rttm.render(document.transcript.diarization),
    ),
    "textgrid": Format(suffix=".TextGrid", says="for Praat", render=textgrid.render),
    "eaf": Format(suffix=".eaf", says="for ELAN", render=eaf.render),
    "labels": Format(suffix=".labels.txt", says="for Audacity", render=_of_transcript(labels.render)),
    "html": Format(suffix=".html", says="a page: timeline, talk time, transcript", render=html.render),
}
"""In the order in which people are shown them."""

WHISPERLIVE = Format(
    suffix=".json",
    says="JSON of WhisperLive's guide alone",
    render=_of_transcript(whisperlive.render),
)
"""The other JSON."""


def format_of(name: str) -> str:
    """Return the format that a file's name ends like, of two the longer ending; `json` where it has no ending.

    Raises:
        UsageError: it ends in something else.
    """
    longest_first = sorted(FORMATS, key=lambda kind: len(FORMATS[kind].suffix), reverse=True)
    fitting = (kind for kind in longest_first if name.lower().endswith(FORMATS[kind].suffix.lower()))
    if found := next(fitting, None):
        return found
    if not PurePath(name).suffix:
        return "json"
    endings = ", ".join(known.suffix for known in FORMATS.values())
    raise UsageError(f"nothing is written as {PurePath(name).suffix}", hint=f"end the name in one of {endings}")
