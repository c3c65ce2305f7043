"""`/v1/diarize` and `/v1/vad`, with the fields and answers of the OpenShift server."""

from fastapi import APIRouter, Request

from diarize_runner.service.intake import Submission
from diarize_runner.service.shapes.pyannote_server import DiarizeAnswer, VadAnswer
from diarize_runner.service.web.forms import (
    Channel,
    Hints,
    IgnoredFields,
    KnownSpeakers,
    Recording,
    Stream,
    Strict,
    opened,
    recording_name,
)
from diarize_runner.service.web.service import Owner, RunningService
from diarize_runner.service.web.synchronous import RESPONSES, finished
from diarize_runner.service.work import Work

router = APIRouter(tags=["OpenShift server"])


@router.post("/v1/diarize", responses=RESPONSES)
async def diarize(
    request: Request,
    service: RunningService,
    owner: Owner,
    file: Recording,
    hints: Hints,
    known: KnownSpeakers,
    ignored: IgnoredFields,
    channel: Channel = None,
    stream: Stream = None,
    strict: Strict = False,
) -> DiarizeAnswer:
    """Find who spoke when; answer when it is done."""
    work = Work(
        task="diarize",
        hints=hints,
        name=recording_name(file),
        channel=channel,
        stream=stream,
        known_speakers=known,
    )
    submission = Submission(owner=owner, work=work, is_strict=strict)
    async with finished(service, request, submission, opened(file)) as result:
        return DiarizeAnswer.of(result, ignored)


@router.post("/v1/vad", responses=RESPONSES)
async def detect_speech(
    request: Request,
    service: RunningService,
    owner: Owner,
    file: Recording,
    ignored: IgnoredFields,
    channel: Channel = None,
    stream: Stream = None,
    strict: Strict = False,
) -> VadAnswer:
    """Find speech, without telling speakers apart; answer when it is done."""
    work = Work(task="vad", name=recording_name(file), channel=channel, stream=stream)
    submission = Submission(owner=owner, work=work, is_strict=strict)
    async with finished(service, request, submission, opened(file)) as result:
        return VadAnswer.of(result, ignored)
