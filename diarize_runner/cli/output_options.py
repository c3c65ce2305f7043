"""Options for output files, which are checked before any work begins."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from diarize_runner.cli.subtitle_options import add_subtitle_options, requested_subtitles
from diarize_runner.errors import UsageError
from diarize_runner.jobs.audio import AudioFile
from diarize_runner.jobs.output_file import require_writable
from diarize_runner.jobs.outputs import HTML_AUDIO, Outputs
from diarize_runner.transcript.formats.registry import FORMATS, JSON_FORMAT_1, JSON_STYLES, Format, detect_format


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add which files to write, and how."""
    parser.set_defaults(transcribes=False)
    suffixes = ", ".join(known.suffix for known in FORMATS.values())
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help=f"write FILE, in the format of its suffix: {suffixes}, or none for JSON; repeatable",
    )
    described = "write SRT to FILE; the times of JSON are then strings, as those of WhisperLive's runner"
    parser.add_argument("--output-srt", "--output_srt", type=Path, metavar="FILE", help=described)
    parser.add_argument("--output-rttm", "--output_rttm", type=Path, metavar="FILE", help="write RTTM to FILE")
    described = "write one file to DIR for each recording and each format that --formats names"
    parser.add_argument("--output-dir", "--output_dir", type=Path, metavar="DIR", help=described)
    described = ", ".join(f"{name} ({known.description})" for name, known in FORMATS.items())
    parser.add_argument("--formats", type=formats, default=(), metavar="NAME,...", help=described)
    styles = "; ".join(f"{name}: {style.description}" for name, style in JSON_STYLES.items())
    described = f"{styles} (default: full)"
    parser.add_argument("--json-style", choices=tuple(JSON_STYLES), default="full", help=described)
    described = "the HTML page links to the recording, embeds it, or has none (default: link)"
    parser.add_argument("--html-audio", choices=tuple(HTML_AUDIO), default="link", help=described)
    add_subtitle_options(parser)


def formats(text: str) -> tuple[str, ...]:
    """Parse names of formats, with commas between them."""
    names = tuple(dict.fromkeys(text.split(",")))
    unknown = [name for name in names if name not in FORMATS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is not one of {', '.join(FORMATS)}")
    return names


def requested_outputs(arguments: argparse.Namespace, inputs: list[Path]) -> Outputs:
    """Check every output and make its folder; `inputs` begin with the recording.

    Raises:
        UsageError: two outputs have one path or one format, one is an input, or one lacks the transcript it needs.
        DiskError: an output cannot be written.
    """
    return outputs_of_each(arguments, [inputs])[0]


def outputs_of_each(arguments: argparse.Namespace, inputs: Sequence[list[Path]]) -> list[Outputs]:
    """Do the same for several recordings; each of `inputs` is a recording and its transcript.

    Raises:
        UsageError: as above; or several recordings share an output file.
        DiskError: an output cannot be written.
    """
    single = list(_single_files(arguments))
    if len(inputs) > 1 and single:
        hint = "name a folder and formats: --output-dir DIR --formats json,srt"
        raise UsageError(f"{len(inputs)} recordings cannot share the output {single[0][1]}", hint=hint)
    requested = [_paths([*single, *_in_folder(arguments, recording)]) for recording, *_ in inputs]
    _require_transcript(arguments, requested)
    require_not_overwritten(
        [path for read in inputs for path in read], [path for paths in requested for path in paths.values()]
    )
    formats = {**FORMATS, "json": json_format(arguments), **requested_subtitles(arguments)}
    return [
        Outputs(
            recording=_linkable(recording, paths, arguments.html_audio),
            paths=paths,
            formats=formats,
            html_audio=HTML_AUDIO[arguments.html_audio],
        )
        for (recording, *_), paths in zip(inputs, requested, strict=True)
    ]


def _linkable(recording: Path, paths: dict[str, Path], html_audio: str) -> Path | None:
    """Return the recording, unless it cannot be read again; raise UsageError if a page is to embed that."""
    if AudioFile(path=recording).can_be_linked:
        return recording
    if "html" in paths and html_audio == "embed":
        raise UsageError(f"{recording} is a pipe, which a page cannot embed", hint="write it to a file, and name that")
    return None


def needs_transcript(arguments: argparse.Namespace) -> bool:
    """Whether any requested output requires a transcript."""
    kinds = [*(kind for kind, _ in _single_files(arguments)), *arguments.formats]
    return any(FORMATS[kind].needs_transcript for kind in kinds)


def json_format(arguments: argparse.Namespace) -> Format:
    """Return the JSON to write: `--output-srt` is of WhisperLive's runner, whose readers expect times as strings."""
    return (
        JSON_FORMAT_1 if arguments.output_srt and arguments.json_style == "full" else JSON_STYLES[arguments.json_style]
    )


def _single_files(arguments: argparse.Namespace) -> Iterator[tuple[str, Path]]:
    for path in arguments.output:
        yield detect_format(path.name), path
    if arguments.output_srt:
        yield "srt", arguments.output_srt
    if arguments.output_rttm:
        yield "rttm", arguments.output_rttm


def _in_folder(arguments: argparse.Namespace, recording: Path) -> Iterator[tuple[str, Path]]:
    if bool(arguments.output_dir) != bool(arguments.formats):
        raise UsageError(
            "--output-dir and --formats require each other", hint="give both: --output-dir DIR --formats json,srt,rttm"
        )
    for kind in arguments.formats:
        yield kind, arguments.output_dir / f"{recording.stem}{FORMATS[kind].suffix}"


def _paths(requested: list[tuple[str, Path]]) -> dict[str, Path]:
    paths: dict[str, Path] = {}
    for kind, path in requested:
        if kind in paths:
            raise UsageError(f"{paths[kind]} and {path} are both {kind}", hint="name one output per format")
        paths[kind] = path
    return paths


def _require_transcript(arguments: argparse.Namespace, requested: Sequence[dict[str, Path]]) -> None:
    silent = [path for paths in requested for kind, path in paths.items() if FORMATS[kind].needs_transcript]
    if silent and not (arguments.transcript or arguments.transcribes):
        without = ", ".join(known.suffix for known in FORMATS.values() if not known.needs_transcript)
        raise UsageError(
            f"the format of {silent[0]} needs a transcript",
            hint=f"add -t FILE; formats without a transcript: {without}",
        )


def require_not_overwritten(inputs: Sequence[Path], outputs: Sequence[Path]) -> None:
    """Raise UsageError where an output is an input or another output, and DiskError where it cannot be written."""
    taken = {path.resolve() for path in inputs}
    for path in outputs:
        if path.resolve() in taken:
            raise UsageError(f"{path} would be overwritten: it is an input or another output", hint="name another file")
        taken.add(path.resolve())
        require_writable(path)
