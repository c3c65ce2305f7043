"""The form fields that endpoints share."""

from typing import Annotated, BinaryIO, Final

from fastapi import Depends, File, Form, Header, Request, UploadFile

from diarize_runner.diarization.turns import MAX_SPEAKERS, SpeakerHints
from diarize_runner.service.web.problems import INVALID_REQUEST, NO_VOICES, TOO_LARGE, Problem
from diarize_runner.service.web.service import RunningService

_LONGEST_NAME: Final = 100
_LARGEST_TRANSCRIPT: Final = 32 << 20
"""Bytes; a day of words has less."""
WARNINGS_HEADER: Final = "X-Warning"

Speakers = Annotated[int | None, Form(ge=1, le=MAX_SPEAKERS)]


def speaker_hints(
    num_speakers: Annotated[Speakers, Form(description="Exact number of speakers, if it is known.")] = None,
    min_speakers: Annotated[Speakers, Form(description="Least number of speakers.")] = None,
    max_speakers: Annotated[Speakers, Form(description="Greatest number of speakers.")] = None,
) -> SpeakerHints:
    """Return the hints of a form; raise the problem of hints that contradict each other."""
    hint = "give num_speakers alone, or min_speakers up to max_speakers"
    if num_speakers and (min_speakers or max_speakers):
        raise Problem(INVALID_REQUEST, "num_speakers excludes min_speakers and max_speakers", hint=hint)
    if min_speakers and max_speakers and min_speakers > max_speakers:
        detail = f"min_speakers is {min_speakers}, more than max_speakers, which is {max_speakers}"
        raise Problem(INVALID_REQUEST, detail, hint=hint)
    return SpeakerHints(exactly=num_speakers, at_least=min_speakers, at_most=max_speakers)


def known_speakers(
    service: RunningService,
    known_speakers: Annotated[
        bool, Form(description="Name the speakers whose voices are enrolled on this server, in place of labels.")
    ] = False,
) -> bool:
    """Return whether to name speakers; raise the problem of a server without voices."""
    if known_speakers and service.settings.voice_file is None:
        hint = "leave out known_speakers; the administrator can enroll voices, and start the server with --voices"
        raise Problem(NO_VOICES, "this server has no voices of known speakers", hint=hint)
    return known_speakers


async def ignored_fields(request: Request) -> tuple[str, ...]:
    """Return a sentence for each form field that the endpoint does not know; clients of other servers send some."""
    route = request.scope["route"]
    known = {field.alias for field in route.dependant.body_params} | _fields_below(route.dependant)
    sent = dict.fromkeys((await request.form()).keys())
    return tuple(f"the field {name[:_LONGEST_NAME]!r} is ignored" for name in sent if name not in known)


def _fields_below(dependant: object) -> set[str]:
    found = set[str]()
    for each in getattr(dependant, "dependencies", ()):
        found |= {field.alias for field in each.body_params} | _fields_below(each)
    return found


def opened(upload: UploadFile, *, required: bool = True) -> BinaryIO:
    """Return the file of an upload; raise the problem of an empty one."""
    if required and not upload.size:
        detail = f"{recording_name(upload)} is empty"
        raise Problem(INVALID_REQUEST, detail, hint="send the recording as a file field of multipart/form-data")
    return upload.file


def transcript_of(
    transcript: Annotated[
        UploadFile | None, File(description="A transcript to label: JSON of Whisper and others, SRT, VTT.")
    ] = None,
) -> BinaryIO | None:
    """Return the transcript of a form, if it has one; raise the problem of one that is too large."""
    if transcript is None or not transcript.size:
        return None
    if transcript.size > _LARGEST_TRANSCRIPT:
        detail = f"the transcript is larger than {_LARGEST_TRANSCRIPT >> 20} MiB"
        raise Problem(TOO_LARGE, detail, hint="split the recording and its transcript")
    return transcript.file


def recording_name(upload: UploadFile) -> str:
    """Return the name that a client gives a recording, without folders or control characters; never used as a path."""
    base = (upload.filename or "").replace("\\", "/").rpartition("/")[2]
    printable = "".join(character for character in base if character.isprintable())
    return printable[-_LONGEST_NAME:] or "recording"


def warnings_header(warnings: tuple[str, ...]) -> dict[str, str]:
    """Return the header that carries warnings where the body has no place for them."""
    printable = (character if " " <= character <= "~" else "?" for character in "; ".join(warnings))
    return {WARNINGS_HEADER: "".join(printable)} if warnings else {}


Recording = Annotated[UploadFile, File(description="A recording of any format that FFmpeg reads.")]
Hints = Annotated[SpeakerHints, Depends(speaker_hints)]
KnownSpeakers = Annotated[bool, Depends(known_speakers)]
IgnoredFields = Annotated[tuple[str, ...], Depends(ignored_fields)]
UploadedTranscript = Annotated[BinaryIO | None, Depends(transcript_of)]
Strict = Annotated[
    bool, Form(description="Refuse a recording that is incomplete or damaged, instead of warning of it.")
]
Channel = Annotated[
    int | None, Form(ge=1, le=64, description="The channel to use, from 1; the mean of all without it.")
]
Stream = Annotated[int | None, Form(ge=1, le=64, description="The audio stream to use, from 1.")]
Language = Annotated[str | None, Form(max_length=40, description="Of the speech, such as `de`; detected without it.")]
IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255)]
