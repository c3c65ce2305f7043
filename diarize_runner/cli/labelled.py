"""Write a diarization, and a transcript labelled with it, in the formats that were asked for."""

import argparse
import base64
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from diarize_runner.cli.to_file import require_writable, write_output
from diarize_runner.diarization.turns import Diarization
from diarize_runner.disk import disk_errors
from diarize_runner.errors import UsageError
from diarize_runner.transcript.assign import DEFAULT_RULES, assign_speakers
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.known import FORMATS, WHISPERLIVE, Format, format_of
from diarize_runner.transcript.formats.media import media_type
from diarize_runner.transcript.formats.provenance import Provenance
from diarize_runner.transcript.model import LabelledTranscript, Transcript
from diarize_runner.transcript.rules import Rules

_NO_TRANSCRIPT = Transcript(segments=())

Sound = Callable[[Path, str], str | None]
"""From a recording and its address, relative to the page: what the page plays."""


def embedded(recording: Path, _address: str) -> str:
    """Return the whole recording as a data URL; raise DiskError when it cannot be read."""
    with disk_errors(recording):
        data = base64.b64encode(recording.read_bytes()).decode()
    return f"data:{media_type(recording.name)};base64,{data}"


SOUNDS: dict[str, Sound] = {
    "link": lambda _recording, address: address,
    "embed": embedded,
    "none": lambda _recording, _address: None,
}
"""What `--html-audio` can be."""

JSON_STYLES = {"full": FORMATS["json"], "whisperlive": WHISPERLIVE}
"""What `--json-style` can be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outputs:
    """The files that were asked for of one recording; each can be written, and none is a file that is read."""

    recording: Path | None
    """None where nobody says which."""
    paths: dict[str, Path]
    """By the format's name."""
    formats: dict[str, Format]
    sound: Sound

    def write(
        self,
        diarization: Diarization,
        transcript: Transcript | None,
        provenance: Provenance | None = None,
        rules: Rules = DEFAULT_RULES,
    ) -> None:
        """Label the transcript, and write each file; raise DiskError when one cannot be."""
        if provenance and transcript:
            provenance = replace(provenance, rules=rules)
        self.write_labelled(assign_speakers(transcript or _NO_TRANSCRIPT, diarization, rules), provenance)

    def write_labelled(self, labelled: LabelledTranscript, provenance: Provenance | None = None) -> None:
        """Write each file, whole or not at all; raise DiskError when one cannot be."""
        for kind, path in self.paths.items():
            text = self.formats[kind].render(self._document(kind, path, labelled, provenance))
            write_output(path, text.encode())

    def _document(self, kind: str, path: Path, labelled: LabelledTranscript, provenance: Provenance | None) -> Document:
        if not self.recording:
            return Document(transcript=labelled, provenance=provenance)
        address = _address(self.recording, path.parent)
        sound = self.sound(self.recording, address) if kind == "html" else None
        return Document(transcript=labelled, media=address, sound=sound, provenance=provenance)


def _address(recording: Path, folder: Path) -> str:
    # Folders are resolved, for `..` out of a linked one leads elsewhere; the recording goes by the name it was given.
    named = recording.parent.resolve() / recording.name
    return quote(os.path.relpath(named, folder.resolve()), errors="surrogateescape")


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
