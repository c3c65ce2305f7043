"""All output formats, by name."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePath

from diarize_runner.errors import UsageError
from diarize_runner.transcript.formats import (
    ctm,
    eaf,
    html,
    json,
    labels,
    openai,
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
from diarize_runner.transcript.formats.provenance import Provenance
from diarize_runner.transcript.model import LabelledTranscript
from diarize_runner.transcript.subtitles.layout import DEFAULT_LAYOUT, SubtitleLayout


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


def _json_format(description: str, render: Callable[[Document], str]) -> Format:
    return Format(suffix=".json", description=description, render=render)


JSON_STYLES = {
    "full": FORMATS["json"],
    "whisperlive": _json_format("JSON of a runner for WhisperLive", _for_transcript(whisperlive.render)),
    "whisperlive-rest": _json_format("the answer of WhisperLive's REST API", whisperlive.render_rest),
    "whisperlive-socket": _json_format("a message of WhisperLive's socket", _for_transcript(whisperlive.render_socket)),
    "openai-verbose": _json_format("OpenAI's verbose_json", openai.render_verbose),
    "openai-diarized": _json_format("OpenAI's diarized_json", openai.render_diarized),
    "whisperx": _json_format("JSON of whisperX", _for_transcript(whisperx.render)),
    "amanu": _json_format("the list of Amanu's provider of whisperX", _for_transcript(whisperx.render_amanu)),
}
"""What `--json-style` can be."""
WHISPERLIVE = JSON_STYLES["whisperlive"]
JSON_FORMAT_1 = _json_format("everything known, format 1", json.render_format_1)
"""The JSON beside `--output-srt`, an option of WhisperLive's runner: segments have their times as strings."""


def subtitle_formats(layout: SubtitleLayout) -> dict[str, Format]:
    """Return the subtitle formats with cues that are laid out for reading, by name."""
    renders = {"srt": srt.render_sentences, "vtt": vtt.render_sentences}
    return {name: replace(FORMATS[name], render=partial(render, layout=layout)) for name, render in renders.items()}


def default_formats(provenance: Provenance | None) -> dict[str, Format]:
    """Return all formats; a transcription made here gets subtitles that are laid out for reading."""
    is_transcribed = provenance is not None and provenance.transcription is not None
    return {**FORMATS, **subtitle_formats(DEFAULT_LAYOUT)} if is_transcribed else FORMATS


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
