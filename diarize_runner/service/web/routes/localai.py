"""`/v1/audio/diarization`, with the fields and answers of LocalAI."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from diarize_runner.service.intake import Submission
from diarize_runner.service.results import FinishedJob
from diarize_runner.service.shapes.localai import Diarization
from diarize_runner.service.web.forms import (
    Hints,
    IgnoredFields,
    KnownSpeakers,
    Language,
    Recording,
    UploadedTranscript,
    opened,
    recording_name,
    warnings_header,
)
from diarize_runner.service.web.service import Owner, RunningService
from diarize_runner.service.web.synchronous import answers_with_text, finished
from diarize_runner.service.work import TaskName, Work

router = APIRouter(tags=["LocalAI"])
_ANSWERS: Final = answers_with_text("`json` or `verbose_json`; `rttm` is text")
AnswerFormat = Literal["json", "verbose_json", "rttm"]


@router.post("/v1/audio/diarization", response_model=Diarization, responses=_ANSWERS)
async def diarize(
    request: Request,
    service: RunningService,
    owner: Owner,
    file: Recording,
    hints: Hints,
    known: KnownSpeakers,
    ignored: IgnoredFields,
    transcript: UploadedTranscript,
    model: Annotated[str | None, Form(description="The transcription model, with include_text.")] = None,
    language: Language = None,
    include_text: Annotated[bool, Form(description="Return the segments of the transcript, with text.")] = False,
    response_format: Annotated[AnswerFormat, Form()] = "json",
) -> Response:
    """Find who spoke when, and with include_text who said what; answer when it is done."""
    has_transcript = transcript is not None
    task: TaskName = "run" if include_text and not has_transcript else "diarize"
    work = Work(task=task, hints=hints, name=recording_name(file), has_transcript=has_transcript, known_speakers=known)
    chosen = _chosen(service.catalog.multilingual, model)
    submission = Submission(owner=owner, work=service.catalog.complete(work, chosen, language))
    async with finished(service, request, submission, opened(file), transcript) as result:
        return _answer(result, response_format, include_text, ignored)


def _chosen(models: dict[str, bool], name: str | None) -> str | None:
    """LocalAI's clients name a diarization model here, of which this server has one."""
    return name if name in models else None


def _answer(result: FinishedJob, kind: AnswerFormat, with_text: bool, ignored: tuple[str, ...]) -> Response:
    if kind == "rttm":
        return PlainTextResponse(result.text("rttm"), headers=warnings_header((*result.warnings, *ignored)))
    answer = Diarization.of(result, ignored, with_text=with_text)
    if kind == "verbose_json":
        answer = answer.with_speakers(result)
    return JSONResponse(answer.model_dump(exclude_none=True))
