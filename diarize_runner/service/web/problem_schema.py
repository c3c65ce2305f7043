"""Describe problems in the OpenAPI document: every operation may answer with one."""

from typing import Any, Final

from fastapi import FastAPI

from diarize_runner.service.web.problems import MEDIA_TYPE, ProblemDocument

_REFERENCE: Final = "#/components/schemas/{model}"
_FRAMEWORK_SCHEMAS = ("HTTPValidationError", "ValidationError")
"""What FastAPI answers without our handlers."""


def document_problems(app: FastAPI) -> None:
    """Give each operation of the application's OpenAPI document the response `default`, a problem."""
    generate = app.openapi

    app.openapi = lambda: _with_problems(generate())  # type: ignore[method-assign]  # https://fastapi.tiangolo.com/how-to/extending-openapi/


def _with_problems(document: dict[str, Any]) -> dict[str, Any]:
    schema = ProblemDocument.model_json_schema(ref_template=_REFERENCE)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in _FRAMEWORK_SCHEMAS:
        schemas.pop(name, None)
    schemas.update({**schema.pop("$defs"), ProblemDocument.__name__: schema})
    content = {MEDIA_TYPE: {"schema": {"$ref": _REFERENCE.format(model=ProblemDocument.__name__)}}}
    for operations in document["paths"].values():
        for operation in operations.values():
            _add_responses(operation["responses"], content)
    return document


def _add_responses(responses: dict[str, Any], content: dict[str, Any]) -> None:
    """Every error response is a problem, also one that an endpoint or FastAPI declares."""
    responses.setdefault("default", {"description": "A problem"})
    for status, response in responses.items():
        if status == "default" or status.startswith(("4", "5")):
            response["content"] = content
    if "422" in responses:
        responses["422"]["description"] = "The request is invalid"
