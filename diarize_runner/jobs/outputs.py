"""The output files of one recording: its diarization or labelled transcript, in each requested format."""

import base64
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from diarize_runner.disk import disk_errors
from diarize_runner.jobs.output_file import write_output
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.media import media_type
from diarize_runner.transcript.formats.provenance import Provenance
from diarize_runner.transcript.formats.registry import Format
from diarize_runner.transcript.model import LabelledTranscript

HtmlAudio = Callable[[Path, str], str | None]
"""Takes a recording and its URL, relative to the page; returns the URL that the page's player loads, if any."""


def embed_audio(recording: Path, _url: str) -> str:
    """Return the recording as a data URL; raise DiskError when it cannot be read."""
    with disk_errors(recording):
        data = base64.b64encode(recording.read_bytes()).decode()
    return f"data:{media_type(recording.name)};base64,{data}"


HTML_AUDIO: dict[str, HtmlAudio] = {
    "link": lambda _recording, url: url,
    "embed": embed_audio,
    "none": lambda _recording, _url: None,
}
"""The choices of `--html-audio`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outputs:
    """The output files of one recording; each is writable, and none is an input."""

    recording: Path | None
    """None when unknown."""
    paths: dict[str, Path]
    """By format name."""
    formats: dict[str, Format]
    html_audio: HtmlAudio

    def write(self, labelled: LabelledTranscript, provenance: Provenance | None = None) -> None:
        """Write each file atomically; raise DiskError when one cannot be written."""
        for kind, path in self.paths.items():
            text = self.formats[kind].render(self._document(kind, path, labelled, provenance))
            write_output(path, text.encode())

    def _document(self, kind: str, path: Path, labelled: LabelledTranscript, provenance: Provenance | None) -> Document:
        if not self.recording:
            return Document(transcript=labelled, provenance=provenance)
        url = _relative_url(self.recording, path.parent)
        audio_src = self.html_audio(self.recording, url) if kind == "html" else None
        return Document(transcript=labelled, media=url, audio_src=audio_src, provenance=provenance)


def _relative_url(recording: Path, folder: Path) -> str:
    # `..` out of a linked folder leads elsewhere, so folders are resolved; the recording's own name is kept.
    target = recording.parent.resolve() / recording.name
    return quote(os.path.relpath(target, folder.resolve()), errors="surrogateescape")
