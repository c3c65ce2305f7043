"""Problems: the error responses of the service (https://www.rfc-editor.org/rfc/rfc9457)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse
from starlette.types import Scope

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:diarize-runner:problem:"
"""The service has no public address that could describe its problems."""
_OPENAI_PATHS: Final = ("/v1/audio/", "/v1/models")
_QUOTED_FOLDERS = re.compile(r"(?<=['\"`])/(?:[^'\"`\n]*/)?(?=[^'\"`\n/])")
_FOLDERS = re.compile(r"(?<![\w.~/])(?:file://)?/(?!/)(?:[^\s/'\"`]*/)*(?=[^\s/'\"`])")
"""All of an absolute path but its last part; not those of `https://host/path` and `and/or`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProblemKind:
    """A kind of problem."""

    slug: str
    """The end of its `type`; programs compare it."""
    status: int
    title: str
    """The same for all problems of the kind."""


BAD_REQUEST: Final = ProblemKind(slug="bad-request", status=400, title="The request is malformed")
INVALID_REQUEST: Final = ProblemKind(slug="invalid-request", status=422, title="The request is invalid")
UNREADABLE_RECORDING: Final = ProblemKind(
    slug="unreadable-recording", status=422, title="The recording cannot be processed"
)
UNREADABLE_TRANSCRIPT: Final = ProblemKind(
    slug="unreadable-transcript", status=422, title="The transcript cannot be read"
)
UNREADABLE_TURNS: Final = ProblemKind(slug="unreadable-turns", status=422, title="The speaker turns cannot be read")
UNAUTHORIZED: Final = ProblemKind(slug="unauthorized", status=401, title="A valid API key is required")
CROSS_SITE: Final = ProblemKind(slug="cross-site", status=403, title="Another site may not use this service")
MISDIRECTED: Final = ProblemKind(slug="misdirected", status=421, title="This host name is not served")
TOO_LARGE: Final = ProblemKind(slug="too-large", status=413, title="The request body is too large")
TOO_MANY_REQUESTS: Final = ProblemKind(slug="too-many-requests", status=429, title="Too many requests")
TOO_MANY_UPLOADS: Final = ProblemKind(slug="too-many-uploads", status=429, title="Too many uploads at a time")
STORAGE_FULL: Final = ProblemKind(slug="storage-full", status=507, title="The disk of the service is full")
QUEUE_UNAVAILABLE: Final = ProblemKind(slug="queue-unavailable", status=503, title="The queue cannot be reached")
QUEUE_FULL: Final = ProblemKind(slug="queue-full", status=429, title="The queue is full")
NO_VOICES: Final = ProblemKind(slug="no-voices", status=400, title="This server has no voices of known speakers")
IDEMPOTENCY_CONFLICT: Final = ProblemKind(
    slug="idempotency-conflict", status=422, title="The idempotency key belongs to another request"
)
INTERNAL: Final = ProblemKind(slug="internal", status=500, title="The service failed")


class Problem(Exception):
    """An error response. `detail` says what is wrong, `hint` what to do; neither contains a path of this machine."""

    def __init__(
        self,
        kind: ProblemKind,
        detail: str,
        *,
        hint: str = "",
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.hint = hint
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})
        """Further members of the document, such as `errors`."""


class FieldError(BaseModel):
    """What is wrong with a field of a request; never its value."""

    location: str = Field(description="where it is, such as body.num_speakers", examples=["body.num_speakers"])
    message: str = Field(description="what is wrong with it", examples=["Input should be greater than 0"])


class OpenAIError(BaseModel):
    """What clients of OpenAI show of a problem: https://platform.openai.com/docs/guides/error-codes."""

    message: str = Field(description="what is wrong, and what to do", examples=["audio.wav is empty; send a recording"])
    type: str = Field(description="the kind of problem", examples=["invalid-request"])


class ProblemDocument(BaseModel):
    """The body of every error response: https://www.rfc-editor.org/rfc/rfc9457."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="the kind of problem, for programs", examples=[f"{TYPE_PREFIX}unauthorized"])
    title: str = Field(description="the kind of problem, for people", examples=[UNAUTHORIZED.title])
    status: int = Field(description="the status code of the response", examples=[UNAUTHORIZED.status])
    detail: str = Field(description="what is wrong with this request", examples=["there is no API key"])
    hint: str | None = Field(default=None, description="what to do", examples=["send a key"])
    request_id: str | None = Field(
        default=None, description="the id of this request in the log of the service", examples=["f" * 32]
    )
    errors: list[FieldError] | None = Field(default=None, description="what is wrong with single fields")
    error: OpenAIError | None = Field(default=None, description="the same for clients of OpenAI, on its paths")


def problem_response(problem: Problem, scope: Scope) -> JSONResponse:
    """Return the response to the request of `scope`."""
    document = {
        "type": f"{TYPE_PREFIX}{problem.kind.slug}",
        "title": problem.kind.title,
        "status": problem.kind.status,
        "detail": problem.detail,
        "hint": problem.hint,
        "request_id": scope.get("state", {}).get("request_id"),
    }
    content = {name: value for name, value in document.items() if value not in (None, "")}
    content |= {name: value for name, value in problem.extra.items() if name not in document}
    if scope.get("path", "").startswith(_OPENAI_PATHS):
        message = f"{problem.detail}; {problem.hint}" if problem.hint else problem.detail
        content["error"] = OpenAIError(message=message, type=problem.kind.slug).model_dump()
    return JSONResponse(content, status_code=problem.kind.status, headers=problem.headers, media_type=MEDIA_TYPE)


def kind_of_status(status: int) -> ProblemKind:
    """Return the kind of a status code that the framework chose."""
    phrase = HTTPStatus(status).phrase
    slug = re.sub(r"[^a-z]+", "-", phrase.lower()).strip("-")
    chosen_here = {kind.status: kind for kind in (BAD_REQUEST, UNAUTHORIZED, TOO_LARGE)}
    return chosen_here.get(status) or ProblemKind(slug=slug, status=status, title=phrase)


def without_folders(text: str) -> str:
    """Return the text with only the last part of each absolute path: a client has no use for folders of this machine.

    A path with spaces is recognised within quotation marks.
    """
    return _FOLDERS.sub("", _QUOTED_FOLDERS.sub("", text))
