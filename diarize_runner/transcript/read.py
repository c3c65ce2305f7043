"""Read a transcript in any supported dialect.

The first dialect that recognises a document reads it. An error names the place, such as `segments[3].end`.
To add a dialect, add a module to `dialects` and its `Dialect` to `DIALECTS`.
"""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from diarize_runner.bounds import OutOfBounds, check_value_count, decode_utf8, read_file
from diarize_runner.digests import hash_bytes
from diarize_runner.errors import TranscriptError
from diarize_runner.transcript.bounds import check_bounds
from diarize_runner.transcript.dialects.dialect import ParseError
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
    """Read a transcript file, once: it may be a pipe.

    Raises:
        TranscriptError: the file cannot be read, is in no supported dialect, is invalid, or exceeds a limit.
    """
    try:
        data = read_file(path)
    except OSError as error:
        hint = f"check the path; in a folder, a transcript has its recording's name and one of {', '.join(SUFFIXES)}"
        raise TranscriptError(f"cannot read {path}: {error.strerror}", hint=hint) from error
    except OutOfBounds as error:
        raise _too_large_error(str(path), error) from error
    # whisper.cpp writes JSON with incomplete UTF-8 characters, https://github.com/ggml-org/whisper.cpp/issues/1798.
    transcript = parse(decode_utf8(data, errors="surrogateescape"), name=str(path))
    return replace(transcript, digest=hash_bytes(data).digest)


def parse(text: str, *, name: str = "the transcript") -> Transcript:
    """Parse the text of a transcript; `name` is its name in errors.

    Raises:
        TranscriptError: the text is in no supported dialect, is invalid, or exceeds a limit.
    """
    if not text.strip():
        raise TranscriptError(f"{name} is empty", hint=_expected_dialects())
    document = _load_document(text, name)
    dialect = next((each for each in DIALECTS if each.recognises(document)), None)
    if dialect is None:
        kind = "text" if isinstance(document, str) else "JSON"
        raise TranscriptError(f"{name} is {kind}, but not a supported transcript", hint=_expected_dialects())
    try:
        return Transcript(segments=tuple(check_bounds(dialect.read_segments(document))))
    except OutOfBounds as error:
        raise _too_large_error(name, error) from error
    except ParseError as error:
        raise TranscriptError(f"{name}: {error}", hint=f"expected {dialect.name}: {dialect.example}") from error


def _load_document(text: str, name: str) -> Any:
    # A line of STM may begin with a bracket: its first field is the recording's name.
    if not text.lstrip().startswith(("{", "[")) or STM.recognises(text):
        if _NOT_UTF_8.search(text):
            raise TranscriptError(f"{name} is not valid UTF-8", hint=_expected_dialects())
        _check_value_count(text, name, separators="\n")
        return text
    _check_value_count(text, name, separators=",[{")
    try:
        return json.loads(text, strict=False)  # whisper.cpp escapes only quotes
    except (ValueError, RecursionError) as error:
        raise TranscriptError(f"{name} is not valid JSON: {error}", hint=_expected_dialects()) from error


def _check_value_count(text: str, name: str, *, separators: str) -> None:
    try:
        check_value_count(text, separators=separators)
    except OutOfBounds as error:
        raise _too_large_error(name, error) from error


def _too_large_error(name: str, error: OutOfBounds) -> TranscriptError:
    return TranscriptError(f"{name}: {error}", hint="check that it is the transcript of one recording")


def _expected_dialects() -> str:
    *names, last = (dialect.name for dialect in DIALECTS)
    return f"expected {', '.join(names)} or {last}"
