"""The service answers generated requests as its OpenAPI document says, and docs/openapi.json is that document."""

import json
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("schemathesis")

from support.schema_cases import fuzz, fuzzed_service, operations  # noqa: E402

from diarize_runner.service.web import openapi  # noqa: E402

COMMITTED = Path(__file__).resolve().parents[2] / "docs/openapi.json"
REFRESH = "run: python -m diarize_runner.service.web.openapi > docs/openapi.json"
CASES = 22
"""Of each operation: together about 500."""
OPERATIONS = operations()


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with fuzzed_service(tmp_path_factory.mktemp("fuzzed")) as client:
        yield client


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_generated_requests_are_answered_as_the_document_says(client, operation):
    assert sum(fuzz(client, operation, CASES).values()) >= CASES // 2
