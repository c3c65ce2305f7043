"""The options that say which files are written: looked at before any work is done."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from diarize_runner.errors import UsageError
from diarize_runner.jobs.output_file import require_writable
from diarize_runner.jobs.outputs import SOUNDS, Outputs
from diarize_runner.transcript.formats.known import FORMATS, WHISPERLIVE, format_of

JSON_STYLES = {"full": FORMATS["json"], "whisperlive": WHISPERLIVE}
"""What `--json-style` can be."""


def requested_outputs(arguments: argparse.Namespace, inputs: list[Path]) -> Outputs:
    """Look at every output before any work is done, and make the folders they go to; `inputs` begin with the recording.

    Raises:
        UsageError: two are one file or of one format, one is an input, or there is no transcript to make it of.
        DiskError: one cannot be written.
    """
    return outputs_of_each(arguments, [inputs])[0]


def outputs_of_each(arguments: argparse.Namespace, inputs: Sequence[list[Path]]) -> list[Outputs]:
    """Do the same for several recordings, each of `inputs` one recording and what is read with it.

    Raises:
        UsageError: as above; or several recordings are to go into one file.
        DiskError: one cannot be written.
    """
    single = list(_single_files(arguments))
    if len(inputs) > 1 and single:
        hint = "name a folder and formats: --output-dir DIR --formats json,srt"
        raise UsageError(f"{len(inputs)} recordings cannot all go to {single[0][1]}", hint=hint)
    wanted = [_paths([*single, *_in_folder(arguments, recording)]) for recording, *_ in inputs]
    _require_transcript(arguments, wanted)
    _require_free([path for read in inputs for path in read], [path for paths in wanted for path in paths.values()])
    formats = {**FORMATS, "json": JSON_STYLES[arguments.json_style]}
    return [
        Outputs(recording=recording, paths=paths, formats=formats, sound=SOUNDS[arguments.html_audio])
        for (recording, *_), paths in zip(inputs, wanted, strict=True)
    ]


def _single_files(arguments: argparse.Namespace) -> Iterator[tuple[str, Path]]:
    for path in arguments.output:
        yield format_of(path.name), path
    if arguments.output_srt:
        yield "srt", arguments.output_srt
    if arguments.output_rttm:
        yield "rttm", arguments.output_rttm


def _in_folder(arguments: argparse.Namespace, recording: Path) -> Iterator[tuple[str, Path]]:
    if bool(arguments.output_dir) != bool(arguments.formats):
        raise UsageError("--output-dir and --formats belong together", hint="--output-dir DIR --formats json,srt,rttm")
    for kind in arguments.formats:
        yield kind, arguments.output_dir / f"{recording.stem}{FORMATS[kind].suffix}"


def _paths(wanted: list[tuple[str, Path]]) -> dict[str, Path]:
    paths: dict[str, Path] = {}
    for kind, path in wanted:
        if kind in paths:
            raise UsageError(f"{paths[kind]} and {path} are both {kind}", hint="each format is written once")
        paths[kind] = path
    return paths


def _require_transcript(arguments: argparse.Namespace, wanted: Sequence[dict[str, Path]]) -> None:
    silent = [path for paths in wanted for kind, path in paths.items() if FORMATS[kind].needs_transcript]
    if silent and not arguments.transcript:
        without = ", ".join(known.suffix for known in FORMATS.values() if not known.needs_transcript)
        raise UsageError(f"{silent[0]} needs a transcript", hint=f"diarize -t FILE gives one; without: {without}")


def _require_free(inputs: Sequence[Path], outputs: Sequence[Path]) -> None:
    taken = {path.resolve() for path in inputs}
    for path in outputs:
        if path.resolve() in taken:
            raise UsageError(f"{path} would be overwritten: it is an input or another output", hint="name another file")
        taken.add(path.resolve())
        require_writable(path)
