"""The OpenAPI document says that every operation may answer with a problem."""

import json
import re

import pytest

pytest.importorskip("fastapi")

from fastapi import FastAPI
from pydantic import BaseModel

from diarize_runner.service.web.problem_schema import document_problems


class Body(BaseModel):
    count: int


@pytest.fixture
def document():
    app = FastAPI()

    @app.post("/fields")
    async def _fields(body: Body): ...

    @app.get("/plain")
    @app.delete("/plain")
    async def _plain(): ...

    document_problems(app)
    app.openapi()
    return app.openapi()


def test_every_operation_may_answer_with_a_problem(document):
    operations = [each for path in document["paths"].values() for each in path.values()]

    assert len(operations) == 3
    for operation in operations:
        (media_type,) = operation["responses"]["default"]["content"]
        assert media_type == "application/problem+json"


def test_an_invalid_request_is_answered_with_a_problem(document):
    assert list(document["paths"]["/fields"]["post"]["responses"]["422"]["content"]) == ["application/problem+json"]
    assert "422" not in document["paths"]["/plain"]["get"]["responses"]


def test_every_reference_leads_somewhere(document):
    names = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(document)))

    assert names == {"Body", "FieldError", "OpenAIError", "ProblemDocument"}
    assert names == set(document["components"]["schemas"])
    assert "$defs" not in json.dumps(document)
