"""The files that were asked for of one recording: a diarization, or a transcript labelled with it, in each format."""

import base64
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from diarize_runner.disk import disk_errors
from diarize_runner.jobs.output_file import write_output
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.known import Format
from diarize_runner.transcript.formats.media import media_type
from diarize_runner.transcript.formats.provenance import Provenance
from diarize_runner.transcript.model import LabelledTranscript

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Outputs:
    """The files that were asked for of one recording; each can be written, and none is a file that is read."""

    recording: Path | None
    """None where nobody says which."""
    paths: dict[str, Path]
    """By the format's name."""
    formats: dict[str, Format]
    sound: Sound

    def write(self, labelled: LabelledTranscript, provenance: Provenance | None = None) -> None:
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
