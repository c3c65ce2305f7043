"""The service answers generated requests as its OpenAPI document says, and docs/openapi.json is that document."""

import json
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("schemathesis")

from support.schema_cases import fuzz, fuzzed_service, operations

from diarize_runner.service.web import openapi

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


@pytest.fixture(scope="module")
def document():
    return json.loads(openapi.text())


def operations_of(document):
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_the_committed_document_is_the_one_of_the_service():
    assert COMMITTED.read_text(encoding="utf-8") == openapi.text(), REFRESH


def test_the_service_serves_this_document(client, document):
    assert client.get("/openapi.json", headers={"X-API-Key": client.key}).json() == document


def test_all_but_probes_need_a_key(client, document):
    assert document["components"]["securitySchemes"].keys() == {"bearer", "key"}
    assert document["security"] == [{"bearer": []}, {"key": []}]
    for label, operation in operations_of(document).items():
        method, path = label.split()
        response = client.request(method, path.replace("{", "").replace("}", ""))
        assert (response.status_code == 401) == ("security" not in operation), label
        assert operation.get("security", "as the document") in ("as the document", [])


def test_errors_are_problems(document):
    for label, operation in operations_of(document).items():
        for status, response in operation["responses"].items():
            if not status.startswith("2"):
                assert list(response["content"]) == ["application/problem+json"], (label, status)


@pytest.mark.parametrize(
    ("label", "statuses"),
    [
        ("POST /v1/jobs", "202 400 401 413 422 429 503 507"),
        ("POST /v1/diarize", "200 400 401 409 413 422 429 503 504"),
        ("GET /v1/jobs/{job_id}/result", "200 401 404 409 422 429 503"),
        ("GET /readyz", "200 503"),
    ],
)
def test_the_statuses_of_an_operation_are_documented(document, label, statuses):
    assert set(statuses.split()) <= operations_of(document)[label]["responses"].keys()


@pytest.mark.parametrize(
    ("label", "media_types"),
    [
        ("GET /v1/jobs/{job_id}/events", {"text/event-stream"}),
        (
            "GET /v1/jobs/{job_id}/result",
            {"application/json", "text/plain", "text/html", "text/vtt", "application/xml"},
        ),
        ("POST /v1/audio/transcriptions", {"application/json", "text/plain"}),
        ("POST /v1/audio/diarization", {"application/json", "text/plain"}),
        ("GET /metrics", {"text/plain"}),
    ],
)
def test_the_media_types_of_an_answer_are_documented(document, label, media_types):
    assert operations_of(document)[label]["responses"]["200"]["content"].keys() == media_types


def test_a_submission_is_documented_with_its_location(client, document):
    assert "Location" in operations_of(document)["POST /v1/jobs"]["responses"]["202"]["headers"]


def test_uploads_are_binary(document):
    schemas = document["components"]["schemas"]
    forms = [schemas[name]["properties"] for name in schemas if name.startswith("Body_")]

    assert len(forms) == 9
    for form in forms:
        (recording,) = [form[name] for name in ("file", "audio", "audio_file", "files") if name in form]
        assert recording.get("items", recording)["format"] == "binary"


def test_every_property_of_an_answer_has_an_example(document):
    speaks_for_itself = ("$ref", "'examples'", "'const'", "'enum'", "'boolean'")
    without = [
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        if not name.startswith("Body_")
        for field, described in schema.get("properties", {}).items()
        if not any(word in str(described) for word in speaks_for_itself)
    ]

    assert without == []


def test_the_names_of_schemas_are_short(document):
    assert [name for name in document["components"]["schemas"] if "__" in name] == []


def test_performance_is_audio_seconds_per_processing_second(document):
    described = document["components"]["schemas"]["DiarizationAnswer"]["properties"]["performance"]["description"]

    assert described.startswith("Seconds of audio per second of processing")
