"""Read a transcript in any supported dialect.

The first dialect that recognises a document reads it. An error names the place, such as `segments[3].end`.
To add a dialect, add a module to `dialects` and its `Dialect` to `DIALECTS`.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from diarize_runner.bounds import OutOfBounds, check_value_count, read_file
from diarize_runner.digests import hash_bytes
from diarize_runner.errors import TranscriptError
from diarize_runner.transcript.bounds import check_bounds
from diarize_runner.transcript.dialects import stm
from diarize_runner.transcript.dialects.assemblyai import ASSEMBLYAI
from diarize_runner.transcript.dialects.aws_transcribe import AWS_TRANSCRIBE
from diarize_runner.transcript.dialects.deepgram import DEEPGRAM
from diarize_runner.transcript.dialects.dialect import Dialect, ParseError
from diarize_runner.transcript.dialects.interpolation import time_segments
from diarize_runner.transcript.dialects.openai import OPENAI
from diarize_runner.transcript.dialects.raw import ImpossibleSpan, RawSegment
from diarize_runner.transcript.dialects.srt import SRT
from diarize_runner.transcript.dialects.stm import STM
from diarize_runner.transcript.dialects.vtt import VTT
from diarize_runner.transcript.dialects.whisper import WHISPER
from diarize_runner.transcript.dialects.whisper_cpp import WHISPER_CPP
from diarize_runner.transcript.encoding import NOT_UTF_8, decode, decode_other
from diarize_runner.transcript.languages import LANGUAGE_CODES
from diarize_runner.transcript.model import Transcript
from diarize_runner.transcript.names import SUFFIXES

DIALECTS = (WHISPER_CPP, ASSEMBLYAI, DEEPGRAM, AWS_TRANSCRIBE, OPENAI, WHISPER, VTT, SRT, STM)

_JSON = re.compile(r"\s*(?:\{|\[\s*(?:[\[\]{\"-]|\d(?!\d*:)|$))")
_TO_SRT = "convert it to SRT: ffmpeg -i FILE CONVERTED.srt"
_OTHER_FORMATS = (
    ("LRC lyrics", re.compile(r"\s*\[(?:\d+:\d|(?:ar|al|ti|au|by|length|offset|re|ve):)"), _TO_SRT),
    ("ASS subtitles", re.compile(r"\s*\[Script Info\]", re.IGNORECASE), _TO_SRT),
    ("text without times", re.compile(r"\s*\[SPEAKER_\d+\]:"), "let the transcriber write JSON, SRT or WebVTT"),
)
"""Formats that are often taken for a transcript: the name, how they begin, and what to do."""
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_ENCODING_HINT = "convert it to UTF-8: iconv -f ENCODING -t UTF-8 FILE > CONVERTED"


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
    return read_data(data, str(path))


def read_data(data: bytes, name: str) -> Transcript:
    """Read the bytes of a transcript, which errors call `name`. Raises TranscriptError as `read` does."""
    text = decode(data).text
    is_split = _JSON.match(text) and '"transcription"' in text  # whisper.cpp may end a string within a character
    is_utf_8 = is_split or not NOT_UTF_8.search(text)
    transcript = parse(text, name=name) if is_utf_8 else _parse_other(data, text, name)
    return replace(transcript, digest=hash_bytes(data).digest)


def _parse_other(data: bytes, text: str, name: str) -> Transcript:
    """Parse a file that is not valid UTF-8; the result has a warning that names how it was read."""
    is_known = _JSON.match(text) or any(each.recognises(text) for each in DIALECTS)
    found = decode_other(data, text) if is_known else None
    if found is None:
        raise TranscriptError(f"{name} is not text in UTF-8 or UTF-16", hint=_ENCODING_HINT)
    warning = f"the transcript is not UTF-8; read as {found.encoding}, it may have wrong letters beyond a to z"
    if found.encoding == "utf-8":
        warning = "some bytes of the transcript are not UTF-8; each became U+FFFD"
    return parse(found.text, name=name, warnings=(warning,))


def parse(text: str, *, name: str = "the transcript", warnings: Sequence[str] = ()) -> Transcript:
    """Parse the text of a transcript; `name` is its name in errors, and the result has the `warnings`.

    Raises:
        TranscriptError: the text is in no supported dialect, is invalid, or exceeds a limit.
    """
    if not text.strip():
        raise TranscriptError(f"{name} is empty", hint=_expected_dialects())
    document = _load_document(text, name)
    dialect = next((each for each in DIALECTS if each.recognises(document)), None)
    if dialect is None:
        raise _unsupported_error(document, name)
    segments = _read_segments(dialect, document, name)
    return Transcript(
        segments=tuple(time_segments(segments)),
        recording=_find_recording(document),
        language=_find_language(document),
        warnings=(*warnings, *_count_impossible(segments)),
    )


def _read_segments(dialect: Dialect, document: Any, name: str) -> tuple[RawSegment, ...]:
    try:
        return tuple(check_bounds(dialect.read_segments(document)))
    except OutOfBounds as error:
        raise _too_large_error(name, error) from error
    except ParseError as error:
        raise TranscriptError(f"{name}: {error}", hint=f"expected {dialect.name}: {dialect.example}") from error


def _count_impossible(segments: Sequence[RawSegment]) -> list[str]:
    """Return a warning for each kind of part that has times that no recording has."""
    words = [word for segment in segments for word in segment.words]
    counts = {
        "segments": (sum(isinstance(each.span, ImpossibleSpan) for each in segments), len(segments)),
        "words": (sum(isinstance(each.span, ImpossibleSpan) for each in words), len(words)),
    }
    return [
        f"{count} of {total} {kind} had impossible times, which are estimated from their neighbours"
        for kind, (count, total) in counts.items()
        if count
    ]


def _find_recording(document: Any) -> str | None:
    """Return the name that the document gives the recording: only STM and our JSON give one."""
    name = stm.find_recording(document) if isinstance(document, str) else None
    if isinstance(document, dict) and str(document.get("format")).startswith("diarize-runner/transcript/"):
        name = document.get("uri")
    return name if isinstance(name, str) else None


def _find_language(document: Any) -> str | None:
    """Return the language tag at one of the places that transcribers write it to; OpenAI writes an English name."""
    if not isinstance(document, dict):
        return None
    result = document.get("result")
    places = (
        document.get("language"),
        document.get("language_code"),
        isinstance(result, dict) and result.get("language"),
    )
    tags = (LANGUAGE_CODES.get(each, each).replace("_", "-") for each in places if isinstance(each, str))
    return next((tag for tag in tags if _LANGUAGE.fullmatch(tag)), None)


def _load_document(text: str, name: str) -> Any:
    # A line of STM may begin with a bracket: its first field is the recording's name.
    if not _JSON.match(text) or STM.recognises(text):
        if NOT_UTF_8.search(text):
            raise TranscriptError(f"{name} is not text in UTF-8 or UTF-16", hint=_ENCODING_HINT)
        _check_value_count(text, name, separators="\n")
        return text
    _check_value_count(text, name, separators=",[{")
    try:
        return json.loads(text, strict=False)  # whisper.cpp escapes only quotes
    except (ValueError, RecursionError) as error:
        raise TranscriptError(f"{name} is not valid JSON: {error}", hint=_expected_dialects()) from error


def _unsupported_error(document: Any, name: str) -> TranscriptError:
    """Return the error for a document in no dialect, with the format's name if it is known."""
    kind, hint = "JSON", _expected_dialects()
    if isinstance(document, str):
        matches = ((other, remedy) for other, begins, remedy in _OTHER_FORMATS if begins.match(document))
        kind, hint = next(matches, ("text", hint))
    return TranscriptError(f"{name} is {kind}, but not a supported transcript", hint=hint)


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
