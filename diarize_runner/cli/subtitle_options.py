"""Options for how subtitles are laid out."""

import argparse
from collections.abc import Callable
from typing import Final

from diarize_runner.cli.options import seconds
from diarize_runner.cli.speaker_options import positive
from diarize_runner.errors import UsageError
from diarize_runner.transcript.formats.registry import Format, subtitle_formats
from diarize_runner.transcript.subtitles.layout import DEFAULT_LAYOUT, SubtitleLayout

_SEGMENTS: Final = "segments"
_SENTENCES: Final = "sentences"
_OPTIONS: Final[dict[str, tuple[Callable[[str], float], str, str]]] = {
    "line_length": (positive, "N", "characters in a line, the speaker's label included; a wide one counts as two"),
    "lines": (positive, "N", "lines in a subtitle"),
    "min_seconds": (seconds, "SECONDS", "minimum seconds of a subtitle, if the next one leaves room"),
    "max_seconds": (seconds, "SECONDS", "maximum seconds of a subtitle"),
    "reading_speed": (positive, "N", "characters per second that a viewer reads"),
}
"""By limit: how to parse it, the placeholder, and the help text."""


def add_subtitle_options(parser: argparse.ArgumentParser) -> None:
    """Add --subtitles, and an option for each limit."""
    described = "cues of SRT and WebVTT: the transcript's segments, or sentences within the limits below (default: "
    described += "sentences, if the command transcribes or a limit is given; else segments)"
    parser.add_argument("--subtitles", choices=(_SEGMENTS, _SENTENCES), help=described)
    for name, (parse, placeholder, described) in _OPTIONS.items():
        parser.add_argument(
            f"--subtitle-{name.replace('_', '-')}",
            type=parse,
            metavar=placeholder,
            help=f"{described} (default: {getattr(DEFAULT_LAYOUT, name):g})",
        )


def requested_subtitles(arguments: argparse.Namespace) -> dict[str, Format]:
    """Return the formats of subtitles that are laid out, by name; none if the segments are the cues.

    Raises:
        UsageError: the limits contradict each other, or have no use.
    """
    given = {name: getattr(arguments, f"subtitle_{name}") for name in _OPTIONS}
    limits = {name: value for name, value in given.items() if value is not None}
    kind = arguments.subtitles or (_SENTENCES if limits or arguments.transcribes else _SEGMENTS)
    if kind == _SEGMENTS:
        if limits:
            option = f"--subtitle-{next(iter(limits)).replace('_', '-')}"
            raise UsageError(f"{option} has no effect on segments", hint="remove --subtitles segments")
        return {}
    try:
        return subtitle_formats(SubtitleLayout(**limits))
    except ValueError as reason:
        raise UsageError(str(reason), hint="change --subtitle-min-seconds or --subtitle-max-seconds") from reason
