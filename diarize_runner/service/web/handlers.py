"""Turn exceptions into problems."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from diarize_runner.disk import is_full
from diarize_runner.errors import (
    AudioError,
    DiarizeRunnerError,
    DiskFull,
    RttmError,
    TranscriptError,
    UnexpectedError,
    UsageError,
)
from diarize_runner.service.web.problems import (
    IDEMPOTENCY_CONFLICT,
    INTERNAL,
    INVALID_REQUEST,
    QUEUE_FULL,
    QUEUE_UNAVAILABLE,
    STORAGE_FULL,
    UNREADABLE_RECORDING,
    UNREADABLE_TRANSCRIPT,
    UNREADABLE_TURNS,
    Problem,
    ProblemKind,
    kind_of_status,
    problem_response,
    without_folders,
)

_KINDS: Final[Mapping[str, ProblemKind]] = {
    UsageError.__name__: INVALID_REQUEST,
    AudioError.__name__: UNREADABLE_RECORDING,
    TranscriptError.__name__: UNREADABLE_TRANSCRIPT,
    RttmError.__name__: UNREADABLE_TURNS,
    DiskFull.__name__: STORAGE_FULL,
    "IdempotencyConflict": IDEMPOTENCY_CONFLICT,
    "QueueError": QUEUE_UNAVAILABLE,
    "QueueFull": QUEUE_FULL,
}
"""By name: the queue has an error of its own, and this module works without the queue."""
_RETRY_SECONDS = "5"
_LONGEST_LOCATION = 100
"""Characters; a location can contain a name that the client chose."""
_SHORTEST_VALUE = 4
"""Characters; a shorter value is part of many words."""
_BODIES_WITHOUT_CONTENT = (204, 304)
_SEE_DOCUMENTS = "the paths and methods are those of /openapi.json"
_HINTS: Final[Mapping[int, str]] = {
    400: "send the recording as a file field of multipart/form-data; see /openapi.json",
    404: _SEE_DOCUMENTS,
    405: _SEE_DOCUMENTS,
    408: "send it over a faster connection, or a compressed recording such as FLAC or Opus",
    413: "send a shorter recording, or a compressed one such as FLAC or Opus",
}


def add_handlers(app: Starlette) -> None:
    """Make the application answer with problems. `requests.Requests` answers for exceptions that no handler knows."""
    app.add_exception_handler(Problem, _answer)
    app.add_exception_handler(DiarizeRunnerError, _answer)
    app.add_exception_handler(RequestValidationError, _answer)
    app.add_exception_handler(HTTPException, _answer)


async def _answer(request: Request, reason: Exception) -> Response:
    if isinstance(reason, HTTPException) and reason.status_code in _BODIES_WITHOUT_CONTENT:
        return Response(status_code=reason.status_code, headers=reason.headers)
    return problem_response(problem_of(reason), request.scope)


def problem_of(reason: Exception) -> Problem:
    """Return the problem of an exception; that of an unknown one says nothing about it."""
    if isinstance(reason, Problem):
        return reason
    if isinstance(reason, RequestValidationError):
        return _of_fields(reason)
    if isinstance(reason, HTTPException):
        return _of_framework(reason)
    if isinstance(reason, DiarizeRunnerError) and not isinstance(reason, UnexpectedError):
        return _of_ours(reason)
    hint = "send it again; if it fails again, report it with the request id"
    return Problem(INTERNAL, "an unexpected error, which the log of the service describes", hint=hint)


def _of_ours(error: DiarizeRunnerError) -> Problem:
    names = (each.__name__ for each in type(error).__mro__)
    kind = next((_KINDS[name] for name in names if name in _KINDS), INTERNAL)
    headers = _retry_headers(error) if kind in (QUEUE_UNAVAILABLE, QUEUE_FULL) else None
    return Problem(kind, without_folders(error.message), hint=without_folders(error.hint), headers=headers)


def _retry_headers(error: DiarizeRunnerError) -> dict[str, str]:
    return {"Retry-After": str(getattr(error, "retry_after", _RETRY_SECONDS))}


def _of_framework(reason: HTTPException) -> Problem:
    cause = reason.__cause__  # FastAPI answers 400 for whatever prevents it from reading a body
    if isinstance(cause, OSError) and is_full(cause):
        return Problem(STORAGE_FULL, "the disk has no space for the upload", hint="free some space, then try again")
    kind, status = kind_of_status(reason.status_code), reason.status_code
    return Problem(kind, str(reason.detail), hint=_HINTS.get(status, ""), headers=reason.headers)


def _of_fields(reason: RequestValidationError) -> Problem:
    errors = [{"location": _location(error), "message": _message(error)} for error in reason.errors()]
    detail = "; ".join(f"{error['location']}: {error['message']}" for error in errors[:3])
    return Problem(INVALID_REQUEST, detail, hint="correct these fields; see /openapi.json", extra={"errors": errors})


def _location(error: Mapping[str, Any]) -> str:
    return ".".join(map(str, error["loc"]))[:_LONGEST_LOCATION]


def _message(error: Mapping[str, Any]) -> str:
    """Return the message without the value, which a validator may have quoted."""
    message, value = str(error["msg"]), error.get("input")
    return message.replace(value, "...") if isinstance(value, str) and len(value) >= _SHORTEST_VALUE else message
