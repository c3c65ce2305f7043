"""`/api/v1/diarize/file` and `/api/v1/queue`, with the fields and answers of the GPU queue."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.concurrency import run_in_threadpool

from diarize_runner.service.intake import Submission
from diarize_runner.service.queue.job import Job
from diarize_runner.service.shapes.queue_api import DiarizationAnswer, QueueItem
from diarize_runner.service.web.forms import (
    Hints,
    IgnoredFields,
    KnownSpeakers,
    Language,
    Recording,
    UploadedTranscript,
    opened,
    recording_name,
)
from diarize_runner.service.web.service import Owner, RunningService, Service
from diarize_runner.service.web.synchronous import RESPONSES, finished
from diarize_runner.service.work import TaskName, Work, WorkLabel

router = APIRouter(prefix="/api/v1", tags=["GPU queue"])


@router.post("/diarize/file", responses=RESPONSES)
async def diarize_file(
    request: Request,
    service: RunningService,
    owner: Owner,
    audio: Recording,
    hints: Hints,
    known: KnownSpeakers,
    ignored: IgnoredFields,
) -> DiarizationAnswer:
    """Find who spoke when; answer when it is done."""
    work = Work(task="diarize", hints=hints, name=recording_name(audio), known_speakers=known)
    async with finished(service, request, Submission(owner=owner, work=work), opened(audio)) as result:
        return DiarizationAnswer.of(result, ignored)


@router.post("/queue", status_code=202)
async def add_item(
    service: RunningService,
    owner: Owner,
    audio: Recording,
    operation: Annotated[TaskName, Form(description="What to do with the recording.")],
    hints: Hints,
    known: KnownSpeakers,
    ignored: IgnoredFields,
    transcript: UploadedTranscript,
    language: Language = None,
) -> QueueItem:
    """Take a recording; ask for the item to get its result."""
    name, has_transcript = recording_name(audio), transcript is not None
    work = Work(task=operation, hints=hints, name=name, has_transcript=has_transcript, known_speakers=known)
    submission = Submission(owner=owner, work=service.catalog.complete(work, None, language))
    accepted = await service.submit(submission, opened(audio), transcript)
    return QueueItem.of(accepted.job, operation, None, (*accepted.warnings, *ignored))


@router.get("/queue/{item_id}")
async def find_item(service: RunningService, owner: Owner, item_id: str) -> QueueItem:
    """Return an item, with its result once it has succeeded."""
    job = await service.find(item_id, owner)
    return await run_in_threadpool(_item, service, job)


def _item(service: Service, job: Job) -> QueueItem:
    operation = WorkLabel.read(job.work).task
    done = job.state == "succeeded"
    return QueueItem.of(job, operation, DiarizationAnswer.of(service.result_of(job)) if done else None)
