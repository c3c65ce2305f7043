"""Endpoints that answer with the result: submit, wait, read, and leave nothing behind."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, BinaryIO, Final

from fastapi import Request

from diarize_runner.service.intake import Submission
from diarize_runner.service.results import FinishedJob
from diarize_runner.service.web.forms import WARNINGS_HEADER
from diarize_runner.service.web.service import Service

RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    409: {"description": "The job was cancelled while the request waited"},
    504: {"description": "The job is not finished yet; it goes on, as `job`"},
}
"""What can go wrong at such an endpoint, besides what can at each."""
_WARNINGS: Final = {"description": "Warnings, where the body has no place for them.", "schema": {"type": "string"}}


def answers_with_text(description: str) -> dict[int | str, dict[str, Any]]:
    """Return the responses of an endpoint that answers with JSON or text, as the request asks."""
    success = {"description": description, "content": {"text/plain": {}}, "headers": {WARNINGS_HEADER: _WARNINGS}}
    return {200: success, **RESPONSES}


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
