"""`/v1/audio/transcriptions` and `/v1/models`, with the fields and answers of OpenAI."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from diarize_runner.service.intake import Submission
from diarize_runner.service.references import Reference
from diarize_runner.service.results import FinishedJob
from diarize_runner.service.shapes.openai import Model, Models, Transcription
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
from diarize_runner.service.web.problems import INVALID_REQUEST, Problem
from diarize_runner.service.web.references import LARGEST_FIELD, MOST_FIELDS, MOST_FILES, References
from diarize_runner.service.web.service import Owner, RunningService
from diarize_runner.service.web.synchronous import answers_with_text, finished
from diarize_runner.service.work import TaskName, Work

router = APIRouter(tags=["OpenAI"])
AnswerFormat = Literal["json", "text", "srt", "verbose_json", "vtt", "diarized_json"]
_AUTO: Final = "auto"
_FILES: Final = {"text": "txt", "srt": "srt", "vtt": "vtt"}
_ANSWERS: Final = answers_with_text("`json`, or with more members; `text`, `srt` and `vtt` are text")
_JSON: Final = {"verbose_json": "json-openai-verbose", "diarized_json": "json-openai-diarized"}


@router.post(
    "/v1/audio/transcriptions",
    response_model=Transcription,
    responses=_ANSWERS,
    form_limits={"max_files": MOST_FILES, "max_fields": MOST_FIELDS, "max_part_size": LARGEST_FIELD},
)
async def transcribe(
    request: Request,
    service: RunningService,
    owner: Owner,
    file: Recording,
    hints: Hints,
    known: KnownSpeakers,
    references: References,
    ignored: IgnoredFields,
    transcript: UploadedTranscript,
    model: Annotated[str | None, Form(description="`whisper-1` and other names of OpenAI mean the default.")] = None,
    language: Language = None,
    response_format: Annotated[
        AnswerFormat, Form(description="All but `json` and `verbose_json` have speakers.")
    ] = "json",
    stream: Annotated[bool, Form(description="Must be false: the answer comes when it is done.")] = False,
    chunking_strategy: Annotated[str | None, Form(description="The server chooses it, as with `auto`.")] = None,
    timestamp_granularities: Annotated[  # noqa: ARG001  # known, so that no warning says it is ignored
        list[str] | None, Form(alias="timestamp_granularities[]", description="`verbose_json` always has both.")
    ] = None,
) -> Response:
    """Find what was said and, where the format has speakers, who said it; answer when it is done."""
    _require_no_stream(stream=stream)
    has_transcript = transcript is not None
    task = _task(response_format, has_transcript=has_transcript)
    used, unused = ((), references) if task == "transcribe" else (references, ())
    _require_one_source(used, known=known)
    work = Work(
        task=task,
        hints=hints,
        name=recording_name(file),
        has_transcript=has_transcript,
        known_speakers=known,
        references=tuple(each.name for each in used),
    )
    submission = Submission(owner=owner, work=service.catalog.complete(work, model, language), references=used)
    async with finished(service, request, submission, opened(file), transcript) as result:
        return _answer(result, response_format, (*ignored, *_of_chunks(chunking_strategy), *_of_names(unused)))


@router.get("/v1/models")
async def models(service: RunningService) -> Models:
    """Return the transcription models."""
    return Models(data=[Model(id=name) for name in service.catalog.multilingual])


def _require_no_stream(*, stream: bool) -> None:
    if stream:
        detail = "this server does not stream transcripts"
        raise Problem(INVALID_REQUEST, detail, hint="leave out stream, or use /v1/jobs")


def _of_chunks(strategy: str | None) -> tuple[str, ...]:
    return () if strategy in (None, _AUTO) else (f"the field 'chunking_strategy' is ignored, unless it is {_AUTO!r}",)


def _of_names(unused: tuple[Reference, ...]) -> tuple[str, ...]:
    """OpenAI takes the fields with every format."""
    return ("the field 'known_speaker_names[]' is ignored: the answer has no speakers",) if unused else ()


def _require_one_source(references: tuple[Reference, ...], *, known: bool) -> None:
    """Refuse names from two sources: the provenance of a result has one."""
    if known and references:
        detail = "known_speakers excludes known_speaker_references[]"
        raise Problem(INVALID_REQUEST, detail, hint="send one of them: for voices of the server, or for your own")


def _task(kind: AnswerFormat, *, has_transcript: bool) -> TaskName:
    if has_transcript:
        return "diarize"
    return "transcribe" if kind in ("json", "verbose_json") else "run"


def _answer(result: FinishedJob, kind: AnswerFormat, ignored: tuple[str, ...]) -> Response:
    headers = warnings_header((*result.warnings, *ignored))
    if kind in _FILES:
        return PlainTextResponse(result.text(_FILES[kind]), headers=headers)
    if kind in _JSON:
        return Response(result.text(_JSON[kind]), media_type="application/json", headers=headers)
    return JSONResponse(Transcription.of(result).model_dump(), headers=headers)
