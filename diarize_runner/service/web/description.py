"""Complete the OpenAPI document that FastAPI makes: keys, problems, uploads."""

from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI

from diarize_runner.service.web.access import OPEN_PATHS
from diarize_runner.service.web.problem_schema import document_problems

_KEYS: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key of the service's key file."},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key."},
}
_ANY_KEY: Final[list[dict[str, list[str]]]] = [{name: []} for name in _KEYS]
_OF_ALL: Final = {
    401: "There is no valid API key",
    403: "Without keys: a page of another site sent the request",
    421: "Without keys: the host name is not served",
    429: "Too many requests a minute, or too much in the queue; `Retry-After` says how many seconds to wait",
    503: "The queue cannot be reached",
}
_OF_UPLOADS: Final = {
    400: "The body is no valid form, or the server has no voices for known_speakers",
    413: "The body is too large",
    422: "A field is invalid, or the recording or its transcript cannot be read",
    507: "The disk is full",
}
_OF_ONE: Final = {404: "Your key has no job with this id"}
_BINARY: Final = "application/octet-stream"


def describe(app: FastAPI) -> None:
    """Make the application's OpenAPI document say which keys it takes, what can go wrong, and what is a file."""
    generate = app.openapi

    app.openapi = lambda: app.openapi_schema or _completed(generate())  # type: ignore[method-assign]
    document_problems(app)


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    components = document.setdefault("components", {})
    components["securitySchemes"] = _KEYS
    document["security"] = _ANY_KEY
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _complete(path, operation)
    for schema in _below(components):
        if schema.get("contentMediaType") == _BINARY:
            schema["format"] = "binary"  # what most generators of clients still look for
    return document


def _complete(path: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    if path in OPEN_PATHS:
        operation["security"] = []
    for status, description in _problems(path, operation).items():
        responses[str(status)] = {"description": description, **responses.get(str(status), {})}
    operation["responses"] = dict(sorted(responses.items()))


def _problems(path: str, operation: dict[str, Any]) -> dict[int, str]:
    if path in OPEN_PATHS:
        return {}
    found = dict(_OF_ALL)
    if "requestBody" in operation:
        found |= _OF_UPLOADS
    return found | _OF_ONE if "_id}" in path else found


def _below(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every mapping within a document."""
    if isinstance(node, dict):
        yield node
    for each in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _below(each)
