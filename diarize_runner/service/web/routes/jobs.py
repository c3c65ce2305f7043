"""`/v1/jobs`: submit, follow, fetch, cancel and delete jobs."""

from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, File, Form, Query, Response, UploadFile
from fastapi.responses import FileResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from diarize_runner.diarization.turns import uri_from_stem
from diarize_runner.service.intake import Submission
from diarize_runner.service.queue.job import JobState
from diarize_runner.service.results import RESULT_FORMATS, FinishedJob
from diarize_runner.service.shapes.jobs import JobDocument, JobPage, JobProgress
from diarize_runner.service.web.forms import (
    Channel,
    Hints,
    IdempotencyKey,
    IgnoredFields,
    Language,
    Stream,
    Strict,
    UploadedTranscript,
    opened,
    recording_name,
)
from diarize_runner.service.web.names import Names, attachment
from diarize_runner.service.web.problems import INVALID_REQUEST, Problem, ProblemKind
from diarize_runner.service.web.service import Owner, RunningService
from diarize_runner.service.work import TaskName, Work

router = APIRouter(prefix="/v1/jobs", tags=["Jobs"])
_POLL_SECONDS: Final = 1.0
_NO_RESULT: Final = ProblemKind(slug="no-such-result", status=409, title="The job has no such result")
_MEDIA_TYPES: Final = {"html": "text/html", "vtt": "text/vtt", "eaf": "application/xml"}


@router.post("", status_code=202)
async def submit(
    service: RunningService,
    owner: Owner,
    response: Response,
    file: Annotated[UploadFile, File(description="A recording of any format that FFmpeg reads.")],
    hints: Hints,
    ignored: IgnoredFields,
    transcript: UploadedTranscript,
    idempotency_key: IdempotencyKey = None,
    task: Annotated[TaskName, Form(description="`diarize` labels a transcript that comes along.")] = "diarize",
    model: Annotated[str | None, Form(description="The transcription model, for `transcribe` and `run`.")] = None,
    language: Language = None,
    channel: Channel = None,
    stream: Stream = None,
    strict: Strict = False,
) -> JobDocument:
    """Take a recording. A repeated request with the same Idempotency-Key gets the first one's job."""
    work = Work(
        task=task,
        hints=hints,
        name=recording_name(file),
        channel=channel,
        stream=stream,
        has_transcript=transcript is not None,
    )
    submission = Submission(
        owner=owner,
        work=service.catalog.complete(work, model, language),
        is_strict=strict,
        idempotency_key=idempotency_key,
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
    return JobPage(jobs=[JobDocument.of(job) for job in found.jobs], next_cursor=found.next_cursor)


@router.get("/{job_id}")
async def find(service: RunningService, owner: Owner, job_id: str) -> JobDocument:
    """Return a job."""
    return JobDocument.of(await service.find(job_id, owner))


@router.get("/{job_id}/events", response_class=EventSourceResponse)
async def events(service: RunningService, owner: Owner, job_id: str) -> AsyncIterator[ServerSentEvent]:
    """Send an event for each change of a job: `progress`, and `ended` as the last one."""
    job, sent = await service.find(job_id, owner), None
    while not job.is_final:
        if (progress := JobProgress.of(job)) != sent:
            yield ServerSentEvent(event="progress", data=progress)
            sent = progress
        await service.changes.wait(job_id, _POLL_SECONDS)
        job = await service.find(job_id, owner)
    yield ServerSentEvent(event="ended", data=JobProgress.of(job))


@router.get("/{job_id}/result", response_class=FileResponse)
async def result(
    service: RunningService,
    owner: Owner,
    job_id: str,
    names: Names,
    kind: Annotated[str, Query(alias="format", description=f"One of: {', '.join(RESULT_FORMATS)}.")] = "json",
) -> Response:
    """Return the result of a job that has succeeded."""
    job = await service.find(job_id, owner)
    finished = service.result_of(job)
    _require_format(finished, kind)
    stem = uri_from_stem(Work.decode(job.work).name.rpartition(".")[0] or "recording")
    suffix = ".json" if kind.startswith("json") else f".{kind}"
    media_type = "application/json" if suffix == ".json" else _MEDIA_TYPES.get(kind, "text/plain")
    if names:
        content = await run_in_threadpool(finished.render, kind, names)
        return Response(content, media_type=media_type, headers=attachment(f"{stem}{suffix}"))
    return FileResponse(finished.path(kind), media_type=media_type, filename=f"{stem}{suffix}")


@router.post("/{job_id}/cancel")
async def cancel(service: RunningService, owner: Owner, job_id: str) -> JobDocument:
    """Stop a job, within two seconds; one that has ended stays as it is."""
    return JobDocument.of(await service.cancel(await service.find(job_id, owner)))


@router.delete("/{job_id}", status_code=204)
async def delete(service: RunningService, owner: Owner, job_id: str) -> None:
    """Stop a job, and delete its recording and its result."""
    await service.remove(await service.find(job_id, owner))


def _require_format(finished: FinishedJob, kind: str) -> None:
    if kind not in RESULT_FORMATS:
        hint = f"use one of: {', '.join(RESULT_FORMATS)}"
        raise Problem(INVALID_REQUEST, f"there is no format {kind[:40]!r}", hint=hint)
    if not finished.path(kind).exists():
        detail = f"this job has no {kind}, which needs a transcript"
        raise Problem(_NO_RESULT, detail, hint="use format=rttm or format=json")
