"""`/v1/jobs`: submit, follow, fetch, cancel and delete jobs."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path, PurePath
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, Query, Response
from fastapi.responses import FileResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from diarize_runner.diarization.turns import uri_from_stem
from diarize_runner.service.intake import Submission
from diarize_runner.service.queue.job import Job, JobState
from diarize_runner.service.results import RESULT_FORMATS, FinishedJob
from diarize_runner.service.shapes.jobs import JobDocument, JobPage, JobProgress
from diarize_runner.service.web.forms import (
    Channel,
    Hints,
    IdempotencyKey,
    IgnoredFields,
    KnownSpeakers,
    Language,
    Recording,
    Stream,
    Strict,
    UploadedTranscript,
    opened,
    recording_name,
)
from diarize_runner.service.web.names import Names, attachment
from diarize_runner.service.web.problems import INVALID_REQUEST, Problem, ProblemKind
from diarize_runner.service.web.service import Owner, RunningService, found_job, public
from diarize_runner.service.webhooks.target import LONGEST_URL, Target
from diarize_runner.service.work import TaskName, Work, WorkLabel

router = APIRouter(prefix="/v1/jobs", tags=["Jobs"])
WebhookUrl = Annotated[
    str | None,
    Form(
        max_length=LONGEST_URL,
        description="An https URL that gets a signed request when the job has ended; the server must allow its host.",
    ),
]
_NO_RESULT: Final = ProblemKind(slug="no-such-result", status=409, title="The job has no such result")
_MEDIA_TYPES: Final = {"html": "text/html", "vtt": "text/vtt", "eaf": "application/xml"}
_JSON, _TEXT = "application/json", "text/plain"
_LOCATION: Final = {"description": "The path of the job.", "schema": {"type": "string"}}
_SUBMITTED: Final[dict[int | str, dict[str, Any]]] = {
    202: {"description": "The job waits", "headers": {"Location": _LOCATION}},
}
_RESULT: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The result in the requested format",
        "content": {each: {} for each in (_JSON, _TEXT, *_MEDIA_TYPES.values())},
    },
    409: {"description": "The job has no result, or none in this format"},
}


@router.post("", status_code=202, responses=_SUBMITTED)
async def submit(
    service: RunningService,
    owner: Owner,
    response: Response,
    file: Recording,
    hints: Hints,
    known: KnownSpeakers,
    ignored: IgnoredFields,
    transcript: UploadedTranscript,
    idempotency_key: IdempotencyKey = None,
    task: Annotated[TaskName, Form(description="`diarize` labels a transcript that comes along.")] = "diarize",
    model: Annotated[str | None, Form(description="The transcription model, for `transcribe` and `run`.")] = None,
    language: Language = None,
    channel: Channel = None,
    stream: Stream = None,
    strict: Strict = False,
    webhook_url: WebhookUrl = None,
) -> JobDocument:
    """Take a recording. A repeated request with the same Idempotency-Key gets the first one's job."""
    if webhook_url is not None:
        Target.parse(webhook_url, service.webhooks)
    work = Work(
        task=task,
        hints=hints,
        name=recording_name(file),
        channel=channel,
        stream=stream,
        has_transcript=transcript is not None,
        known_speakers=known,
    )
    submission = Submission(
        owner=owner,
        work=service.catalog.complete(work, model, language),
        is_strict=strict,
        idempotency_key=idempotency_key,
        webhook_url=webhook_url,
    )
    accepted = await service.submit(submission, opened(file), transcript)
    response.headers["Location"] = f"/v1/jobs/{accepted.job.id}"
    return JobDocument.of(accepted.job, (*accepted.warnings, *ignored))


@router.get("")
async def page(
    service: RunningService,
    owner: Owner,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.", max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    state: JobState | None = None,
) -> JobPage:
    """Return your jobs, newest first."""
    found = await run_in_threadpool(lambda: service.queue.page(owner, cursor=cursor, limit=limit, state=state))
    return JobPage(jobs=[JobDocument.of(public(job)) for job in found.jobs], next_cursor=found.next_cursor)


@router.get("/{job_id}")
async def find(job: Annotated[Job, Depends(found_job)]) -> JobDocument:
    """Return a job."""
    return JobDocument.of(job)


@router.get("/{job_id}/events", response_class=EventSourceResponse)
async def events(service: RunningService, job: Annotated[Job, Depends(found_job)]) -> AsyncIterator[ServerSentEvent]:
    """Send an event for each change of a job: `progress`, and as the last one `ended`, or `deleted`."""
    sent = None
    try:
        async with aclosing(service.follow(job)) as states:
            async for state in states:
                if (progress := JobProgress.of(state)) != sent:
                    yield ServerSentEvent(event="ended" if state.is_final else "progress", data=progress)
                    sent = progress
    except Problem:  # the response has begun, so that no status can tell of it
        yield ServerSentEvent(event="deleted", data=sent or JobProgress.of(job))


@router.get("/{job_id}/result", response_class=FileResponse, responses=_RESULT)
async def result(
    service: RunningService,
    job: Annotated[Job, Depends(found_job)],
    names: Names,
    kind: Annotated[str, Query(alias="format", json_schema_extra={"enum": list(RESULT_FORMATS)})] = "json",
) -> Response:
    """Return the result of a job that has succeeded."""
    _require_known(kind)
    finished = service.result_of(job)
    file = _file_of(finished, kind)
    stem = uri_from_stem(PurePath(WorkLabel.read(job.work).name).stem)
    suffix = ".json" if kind.startswith("json") else f".{kind}"
    media_type = _JSON if suffix == ".json" else _MEDIA_TYPES.get(kind, _TEXT)
    if names:
        content = await run_in_threadpool(finished.render, kind, names)
        return Response(content, media_type=media_type, headers=attachment(f"{stem}{suffix}"))
    return FileResponse(file, media_type=media_type, filename=f"{stem}{suffix}")


@router.post("/{job_id}/cancel")
async def cancel(service: RunningService, job: Annotated[Job, Depends(found_job)]) -> JobDocument:
    """Stop a job, within two seconds; one that has ended stays as it is."""
    return JobDocument.of(await service.cancel(job))


@router.delete("/{job_id}", status_code=204)
async def delete(service: RunningService, job: Annotated[Job, Depends(found_job)]) -> None:
    """Stop a job, and delete its recording and its result."""
    await service.remove(job)


def _require_known(kind: str) -> None:
    if kind not in RESULT_FORMATS:
        hint = f"use one of: {', '.join(RESULT_FORMATS)}"
        raise Problem(INVALID_REQUEST, f"there is no format {kind[:40]!r}", hint=hint)


def _file_of(finished: FinishedJob, kind: str) -> Path:
    file = finished.path(kind)
    if not file.exists():
        detail = f"this job has no {kind}, which its task does not make"
        raise Problem(_NO_RESULT, detail, hint="use format=json")
    return file
