"""`/diarize`, `/status/{job_id}` and `/batch-diarize`, with the fields and answers of the call-centre API."""

from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Depends, UploadFile
from starlette.concurrency import run_in_threadpool

from diarize_runner.errors import DiarizeRunnerError
from diarize_runner.service.intake import Accepted, Submission
from diarize_runner.service.queue.job import Job
from diarize_runner.service.shapes.job_api import Batch, JobResult, JobStatus, NotSubmitted, Submitted, status_of
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
from diarize_runner.service.web.handlers import problem_of
from diarize_runner.service.web.problems import INVALID_REQUEST, Problem
from diarize_runner.service.web.service import Owner, RunningService, Service, found_job
from diarize_runner.service.work import Work

router = APIRouter(tags=["Job API"])
_MOST_FILES: Final = 100


@router.post("/diarize")
async def submit(
    service: RunningService,
    owner: Owner,
    audio_file: Recording,
    hints: Hints,
    known: KnownSpeakers,
    ignored: IgnoredFields,
    transcript: UploadedTranscript,
    language: Language = None,
) -> Submitted:
    """Take a recording; the server transcribes it, too, if it can and no transcript comes along."""
    work = Work(
        task=service.catalog.labelling_task(has_transcript=transcript is not None),
        hints=hints,
        name=recording_name(audio_file),
        has_transcript=transcript is not None,
        known_speakers=known,
    )
    submission = Submission(owner=owner, work=service.catalog.complete(work, None, language))
    accepted = await service.submit(submission, opened(audio_file), transcript)
    warnings = [*accepted.warnings, *ignored]
    return Submitted(job_id=accepted.job.id, status=status_of(accepted.job), warnings=warnings)


@router.post("/batch-diarize")
async def submit_batch(
    service: RunningService,
    owner: Owner,
    files: list[UploadFile],
    hints: Hints,
    known: KnownSpeakers,
    ignored: IgnoredFields,
    language: Language = None,
) -> Batch:
    """Take several recordings; one that is refused does not affect the others. Fails if all are refused."""
    if len(files) > _MOST_FILES:
        detail = f"{len(files)} files are too many for one request"
        raise Problem(INVALID_REQUEST, detail, hint=f"send {_MOST_FILES} at most")
    task = service.catalog.labelling_task(has_transcript=False)
    work = service.catalog.complete(Work(task=task, hints=hints, known_speakers=known), None, language)
    outcomes = [await _submit_one(service, owner, work, file) for file in files]
    refused = [each for each in outcomes if isinstance(each, Problem)]
    if len(refused) == len(files):
        raise refused[0]
    return Batch(jobs=list(map(_answer, files, outcomes)), warnings=list(ignored))


@router.get("/status/{job_id}")
async def status(service: RunningService, job: Annotated[Job, Depends(found_job)]) -> JobStatus:
    """Return the state of a job, and its result once it is completed."""
    if job.state != "succeeded":
        return JobStatus.of(job, None)
    return JobStatus.of(job, await run_in_threadpool(JobResult.of, service.result_of(job)))


async def _submit_one(service: Service, owner: str, work: Work, file: UploadFile) -> Accepted | Problem:
    try:
        return await service.submit(
            Submission(owner=owner, work=replace(work, name=recording_name(file))), opened(file)
        )
    except (DiarizeRunnerError, Problem) as reason:
        return problem_of(reason)


def _answer(file: UploadFile, outcome: Accepted | Problem) -> Submitted | NotSubmitted:
    if isinstance(outcome, Problem):
        return NotSubmitted(file=recording_name(file), error=outcome.detail, hint=outcome.hint)
    return Submitted(job_id=outcome.job.id, status=status_of(outcome.job), warnings=list(outcome.warnings))
