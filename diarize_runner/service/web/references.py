"""The fields of OpenAI's API that name speakers: names, and a few seconds of each as data URLs."""

import base64
import binascii
from typing import Annotated, Final

from fastapi import Depends, Form

from diarize_runner.service.references import (
    LONGEST_SECONDS,
    MOST_REFERENCES,
    SHORTEST_SECONDS,
    Reference,
    collect_references,
)
from diarize_runner.service.web.problems import INVALID_REQUEST, Problem

MOST_FILES, MOST_FIELDS, LARGEST_FIELD = 5, 40, 2 << 20
"""Of a form with references, which is in memory: together less than the forms of `web.app`. 2 MiB hold 10 s of 48 kHz,
mono, as 16-bit WAV in base64."""
_SCHEME, _ENCODING = "data:", ";base64"
_HINT: Final = f"send data:audio/wav;base64,..., of {SHORTEST_SECONDS:g} to {LONGEST_SECONDS:g} s of one person"


def speaker_references(
    names: Annotated[
        list[str] | None,
        Form(
            alias="known_speaker_names[]",
            max_length=MOST_REFERENCES,
            description="Names of speakers, such as `agent`, for this request alone.",
        ),
    ] = None,
    references: Annotated[
        list[str] | None,
        Form(
            alias="known_speaker_references[]",
            max_length=MOST_REFERENCES,
            description=f"Of each, {SHORTEST_SECONDS:g} to {LONGEST_SECONDS:g} s of speech, as a data URL in base64.",
        ),
    ] = None,
) -> tuple[Reference, ...]:
    """Return the references of a form; raise UsageError, and the problem of one that is no file in base64."""
    given, files = names or [], references or []
    if len(given) != len(files):
        detail = f"{len(given)} known_speaker_names[], and {len(files)} known_speaker_references[]"
        raise Problem(INVALID_REQUEST, detail, hint="send a reference for each name, in the same order")
    return collect_references(zip(given, map(_decode, files), strict=True))


def _decode(url: str) -> bytes:
    """Return the file in a data URL (https://www.rfc-editor.org/rfc/rfc2397); the problem must not quote it."""
    head, comma, body = url.partition(",")
    try:
        data = base64.b64decode(body, validate=True) if comma and _is_base64(head) else b""
    except (binascii.Error, ValueError):
        data = b""
    if not data:
        raise Problem(INVALID_REQUEST, "a known_speaker_references[] is no data URL in base64", hint=_HINT)
    return data


def _is_base64(head: str) -> bool:
    return head[: len(_SCHEME)].lower() == _SCHEME and head.lower().endswith(_ENCODING)


References = Annotated[tuple[Reference, ...], Depends(speaker_references)]
