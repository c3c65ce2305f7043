"""Read a transcript, in whichever of the known dialects it is written.

The first dialect that recognises a document reads it, and a fault in it is reported by place, as in `segments[3].end`.
To know another dialect is to add a module to `dialects`, and its name to `DIALECTS`.
"""

import json
import re
from pathlib import Path
from typing import Any

from diarize_runner.errors import TranscriptError
from diarize_runner.transcript.dialects.dialect import Fault
from diarize_runner.transcript.dialects.openai import OPENAI
from diarize_runner.transcript.dialects.stm import STM
from diarize_runner.transcript.dialects.subrip import SUBRIP
from diarize_runner.transcript.dialects.webvtt import WEBVTT
from diarize_runner.transcript.dialects.whisper import WHISPER
from diarize_runner.transcript.dialects.whisper_cpp import WHISPER_CPP
from diarize_runner.transcript.model import Transcript
from diarize_runner.transcript.names import SUFFIXES

DIALECTS = (WHISPER_CPP, OPENAI, WHISPER, WEBVTT, SUBRIP, STM)

_NOT_UTF_8 = re.compile(r"[\ud800-\udfff]")


def read(path: Path) -> Transcript:
    """Read a transcript file.

    Raises:
        TranscriptError: the file cannot be read, is in no known dialect, or is wrong in its own.
    """
    try:
        # whisper.cpp writes JSON with halves of characters, https://github.com/ggml-org/whisper.cpp/issues/1798.
        text = path.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        hint = f"check the path; of those in a folder, a recording's has its name and {', '.join(SUFFIXES)}"
        raise TranscriptError(f"cannot read {path}: {error.strerror}", hint=hint) from error
    return parse(text, name=str(path))


def parse(text: str, *, name: str = "the transcript") -> Transcript:
    """Read the text of a transcript; errors call it `name`.

    Raises:
        TranscriptError: the text is in no known dialect, or is wrong in its own.
    """
    if not text.strip():
        raise TranscriptError(f"{name} is empty", hint=_any_dialect())
    document = _document(text, name)
    dialect = next((known for known in DIALECTS if known.recognises(document)), None)
    if dialect is None:
        kind = "text" if isinstance(document, str) else "JSON"
        raise TranscriptError(f"{name} is {kind} in no known dialect of transcripts", hint=_any_dialect())
    try:
        return Transcript(segments=tuple(dialect.segments(document)))
    except Fault as fault:
        raise TranscriptError(f"{name}: {fault}", hint=f"expected {dialect.name}: {dialect.example}") from fault


def _document(text: str, name: str) -> Any:
    if not text.lstrip().startswith(("{", "[")) or STM.recognises(text):  # a recording's name may begin as it likes
        if _NOT_UTF_8.search(text):
            raise TranscriptError(f"{name} is not text in UTF-8", hint=_any_dialect())
        return text
    try:
        return json.loads(text, strict=False)  # whisper.cpp escapes quotes, and nothing else
    except (ValueError, RecursionError) as error:
        raise TranscriptError(f"{name} begins like JSON, but is not: {error}", hint=_any_dialect()) from error


def _any_dialect() -> str:
    *names, last = (dialect.name for dialect in DIALECTS)
    return f"expected {', '.join(names)} or {last}"
