"""All output formats, by name."""

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
    whisperx,
)
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.model import LabelledTranscript


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """An output format."""

    suffix: str
    """The end of a file's name."""
    description: str
    """For help texts."""
    render: Callable[[Document], str]
    needs_transcript: bool = False
    """Whether the format requires a transcript."""


def _for_transcript(render: Callable[[LabelledTranscript], str]) -> Callable[[Document], str]:
    return lambda document: render(document.transcript)


def _transcript_format(suffix: str, description: str, render: Callable[[LabelledTranscript], str]) -> Format:
    return Format(suffix=suffix, description=description, render=_for_transcript(render), needs_transcript=True)


FORMATS = {
    "json": Format(suffix=".json", description="everything known", render=json.render),
    "srt": _transcript_format(".srt", "subtitles with [SPEAKER_00] in front", srt.render),
    "vtt": _transcript_format(".vtt", "WebVTT subtitles, a voice for each speaker", vtt.render),
    "txt": _transcript_format(".txt", "plain text", txt.render),
    "ctm": _transcript_format(".ctm", "words, for scoring tools; missing times are estimated", ctm.render),
    "stm": _transcript_format(".stm", "segments, for scoring tools", stm.render),
    "rttm": Format(
        suffix=".rttm",
        description="speaker turns, for scoring tools",
        render=lambda document: rttm.render(document.transcript.diarization),
    ),
    "textgrid": Format(suffix=".TextGrid", description="for Praat", render=textgrid.render),
    "eaf": Format(suffix=".eaf", description="for ELAN", render=eaf.render),
    "labels": Format(suffix=".labels.txt", description="for Audacity", render=_for_transcript(labels.render)),
    "html": Format(suffix=".html", description="web page: timeline, talk time, transcript", render=html.render),
}
"""In the order of help texts."""

WHISPERLIVE = Format(
    suffix=".json",
    description="JSON of WhisperLive's guide",
    render=_for_transcript(whisperlive.render),
)
"""The JSON of `--json-style whisperlive`."""

WHISPERX = Format(
    suffix=".json",
    description="JSON of whisperX",
    render=_for_transcript(whisperx.render),
)
"""The JSON of `--json-style whisperx`."""

AMANU = Format(
    suffix=".json",
    description="segments as Amanu's provider of whisperX lists them",
    render=_for_transcript(whisperx.render_amanu),
)
"""The JSON of `--json-style amanu`."""

JSON_FORMAT_1 = Format(suffix=".json", description="everything known, format 1", render=json.render_format_1)
"""The JSON beside `--output-srt`, an option of WhisperLive's runner: segments have their times as strings."""


def detect_format(name: str) -> str:
    """Return the format of a file name's suffix, the longest match; `json` for a name without suffix.

    Raises:
        UsageError: the suffix is of no format.
    """
    longest_first = sorted(FORMATS, key=lambda kind: len(FORMATS[kind].suffix), reverse=True)
    matches = (kind for kind in longest_first if name.lower().endswith(FORMATS[kind].suffix.lower()))
    if found := next(matches, None):
        return found
    if not PurePath(name).suffix:
        return "json"
    suffixes = ", ".join(each.suffix for each in FORMATS.values())
    raise UsageError(f"no output format has the suffix {PurePath(name).suffix}", hint=f"use one of {suffixes}")
