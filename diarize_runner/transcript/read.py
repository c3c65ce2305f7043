"""Read a transcript, in whichever of the known dialects it is written.

The first dialect that recognises a document reads it, and a fault in it is reported by place, as in `segments[3].end`.
To know another dialect is to add a module to `dialects`, and its name to `DIALECTS`.
"""

import json
import re
from pathlib import Path
from typing import Any

from diarize_runner.bounds import OutOfBounds, decoded, read_file, require_few_values
from diarize_runner.errors import TranscriptError
from diarize_runner.transcript.bounds import bounded
from diarize_runner.transcript.dialects.dialect import Fault
from diarize_runner.transcript.dialects.openai import OPENAI
from diarize_runner.transcript.dialects.srt import SRT
from diarize_runner.transcript.dialects.stm import STM
from diarize_runner.transcript.dialects.vtt import VTT
from diarize_runner.transcript.dialects.whisper import WHISPER
from diarize_runner.transcript.dialects.whisper_cpp import WHISPER_CPP
from diarize_runner.transcript.model import Transcript
from diarize_runner.transcript.names import SUFFIXES

DIALECTS = (WHISPER_CPP, OPENAI, WHISPER, VTT, SRT, STM)

_NOT_UTF_8 = re.compile(r"[\ud800-\udfff]")


def read(path: Path) -> Transcript:
    """Read a transcript file.

    Raises:
        TranscriptError: the file cannot be read, is in no known dialect, is wrong in its own, or exceeds a bound.
    """
    try:
        data = read_file(path)
    except OSError as error:
        hint = f"check the path; of those in a folder, a recording's has its name and {', '.join(SUFFIXES)}"
        raise TranscriptError(f"cannot read {path}: {error.strerror}", hint=hint) from error
    except OutOfBounds as error:
        raise _too_large(str(path), error) from error
    # whisper.cpp writes JSON with halves of characters, https://github.com/ggml-org/whisper.cpp/issues/1798.
    return parse(decoded(data, errors="surrogateescape"), name=str(path))


def parse(text: str, *, name: str = "the transcript") -> Transcript:
    """Read the text of a transcript; errors call it `name`.

    Raises:
        TranscriptError: the text is in no known dialect, is wrong in its own, or exceeds a bound of `bounds`.
    """
    if not text.strip():
        raise TranscriptError(f"{name} is empty", hint=_any_dialect())
    document = _document(text, name)
    dialect = next((known for known in DIALECTS if known.recognises(document)), None)
    if dialect is None:
        kind = "text" if isinstance(document, str) else "JSON"
        raise TranscriptError(f"{name} is {kind} in no known dialect of transcripts", hint=_any_dialect())
    try:
        return Transcript(segments=tuple(bounded(dialect.segments(document))))
    except OutOfBounds as error:
        raise _too_large(name, error) from error
    except Fault as fault:
        raise TranscriptError(f"{name}: {fault}", hint=f"expected {dialect.name}: {dialect.example}") from fault


def _document(text: str, name: str) -> Any:
    if not text.lstrip().startswith(("{", "[")) or STM.recognises(text):  # a recording's name may begin as it likes
        if _NOT_UTF_8.search(text):
            raise TranscriptError(f"{name} is not text in UTF-8", hint=_any_dialect())
        _require_few(text, name, separators="\n")
        return text
    _require_few(text, name, separators=",[{")
    try:
        return json.loads(text, strict=False)  # whisper.cpp escapes quotes, and nothing else
    except (ValueError, RecursionError) as error:
        raise TranscriptError(f"{name} begins like JSON, but is not: {error}", hint=_any_dialect()) from error


def _require_few(text: str, name: str, *, separators: str) -> None:
    try:
        require_few_values(text, separators=separators)
    except OutOfBounds as error:
        raise _too_large(name, error) from error


def _too_large(name: str, error: OutOfBounds) -> TranscriptError:
    return TranscriptError(f"{name}: {error}", hint="check that it is the transcript of one recording")


def _any_dialect() -> str:
    *names, last = (dialect.name for dialect in DIALECTS)
    return f"expected {', '.join(names)} or {last}"
