"""Endpoints that answer with the result: submit, wait, read, and leave nothing behind."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import BinaryIO

from fastapi import Request

from diarize_runner.service.intake import Submission
from diarize_runner.service.results import FinishedJob
from diarize_runner.service.web.service import Service


@asynccontextmanager
async def finished(
    service: Service,
    request: Request,
    submission: Submission,
    upload: BinaryIO,
    transcript: BinaryIO | None = None,
) -> AsyncIterator[FinishedJob]:
    """Yield the result of an upload; remove its job when the block ends, unless it still runs.

    Raises as `Service.submit`, `Service.wait` and `Service.result_of` do.
    """
    accepted = await service.submit(submission, upload, transcript)
    job = await service.wait(accepted.job, request)
    try:
        yield service.result_of(job)
    finally:
        await service.remove(job)
