"""Every error response is a problem with a request id, and says nothing of this machine's folders."""

import asyncio
import json
import logging
from typing import Annotated

import pytest

pytest.importorskip("fastapi")

import httpx
from fastapi import FastAPI, Form
from pydantic import BaseModel, field_validator
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse

from diarize_runner import errors
from diarize_runner.errors import DiarizeRunnerError
from diarize_runner.service.settings import Settings
from diarize_runner.service.web.problems import (
    INTERNAL,
    MEDIA_TYPE,
    QUEUE_UNAVAILABLE,
    Problem,
    ProblemDocument,
    without_folders,
)
from diarize_runner.service.web.protect import protect
from diarize_runner.service.web.requests import Requests

SECRET = "4111-1111"
ERRORS = sorted(
    (each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, DiarizeRunnerError)),
    key=lambda each: each.__name__,
)
STATUSES = {
    "UsageError": 422,
    "AudioError": 422,
    "UnreadableAudio": 422,
    "EmptyAudio": 422,
    "TranscriptError": 422,
    "RttmError": 422,
    "DiskFull": 507,
    "IdempotencyConflict": 422,
    "InvalidCursor": 422,
    "QueueError": 503,
}


class Body(BaseModel):
    count: int
    word: str = ""

    @field_validator("word")
    @classmethod
    def _short(cls, value):
        if len(value) > 3:
            raise ValueError(f"{value} is longer than 3 letters")
        return value


def app_that_raises(*reasons):
    app = FastAPI()
    remaining = list(reasons)

    @app.get("/raise")
    async def _raise():
        raise remaining.pop(0)

    @app.post("/fields")
    async def _fields(body: Body): ...

    @app.post("/form")
    async def _form(count: Annotated[int, Form()]): ...

    @app.get("/own-policy")
    async def _policy():
        return PlainTextResponse("page", headers={"Content-Security-Policy": "default-src 'self'"})

    @app.get("/breaks-off")
    async def _break():
        async def parts():
            yield b"half"
            raise RuntimeError("broken")

        return StreamingResponse(parts())

    @app.get("/state")
    async def _state(request: Request):
        return {"request_id": request.state.request_id, "owner": request.state.owner}

    protect(app, Settings())
    return app


def send(app, method, path, **options):
    async def exchange():
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, **options)

    return asyncio.run(exchange())


def problem(response):
    assert response.headers["content-type"] == MEDIA_TYPE
    document = response.json()
    ProblemDocument.model_validate(document)
    assert document["status"] == response.status_code
    assert document["type"].startswith("urn:diarize-runner:problem:")
    assert document["title"]
    assert document["detail"]
    assert document["request_id"] == response.headers["x-request-id"]
    return document


def test_a_problem_is_sent_with_its_members_and_headers():
    raised = Problem(
        QUEUE_UNAVAILABLE, "it is full", hint="wait", headers={"Retry-After": "7"}, extra={"jobs": 3, "status": 200}
    )

    response = send(app_that_raises(raised), "GET", "/raise", headers={"X-Request-ID": "abc-1"})

    assert response.headers["retry-after"] == "7"
    assert problem(response) == {
        "type": "urn:diarize-runner:problem:queue-unavailable",
        "title": "The queue cannot be reached",
        "status": 503,
        "detail": "it is full",
        "hint": "wait",
        "request_id": "abc-1",
        "jobs": 3,
    }


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_each_of_our_errors_has_a_status_and_no_folder(kind):
    error = kind("/var/lib/service/jobs/17/call.wav: not readable", hint="run: chmod go-w /var/lib/service/jobs")

    response = send(app_that_raises(error), "GET", "/raise")

    document = problem(response)
    assert response.status_code == STATUSES.get(kind.__name__, 500)
    assert "/var" not in response.text
    assert "service/jobs" not in response.text
    if kind is not errors.UnexpectedError:
        assert (document["detail"], document["hint"]) == ("call.wav: not readable", "run: chmod go-w jobs")


def test_an_unreachable_queue_asks_for_a_retry():
    response = send(app_that_raises(errors.QueueError("the database is away")), "GET", "/raise")

    assert (response.status_code, problem(response)["type"].rpartition(":")[2]) == (503, "queue-unavailable")
    assert int(response.headers["retry-after"]) > 0


@pytest.mark.parametrize("reason", [RuntimeError("/srv/secret.py broke"), errors.UnexpectedError("/srv/secret.py")])
def test_an_unexpected_exception_says_nothing_but_the_log_does_with_the_request_id(reason, caplog):
    with caplog.at_level(logging.INFO):
        response = send(app_that_raises(reason), "GET", "/raise", headers={"X-Request-ID": "find-me"})

    document = problem(response)
    assert (response.status_code, document["type"]) == (500, f"urn:diarize-runner:problem:{INTERNAL.slug}")
    assert "secret" not in response.text
    assert "Traceback" not in response.text
    assert "find-me" in caplog.text
    if isinstance(reason, RuntimeError):
        assert "secret.py broke" in caplog.text
        assert "Traceback" in caplog.text


def test_wrong_fields_are_named_without_their_values():
    response = send(app_that_raises(), "POST", "/fields", json={"count": SECRET, "word": SECRET})

    document = problem(response)
    assert response.status_code == 422
    assert [error["location"] for error in document["errors"]] == ["body.count", "body.word"]
    assert document["errors"][1]["message"] == "Value error, ... is longer than 3 letters"
    assert SECRET not in response.text


@pytest.mark.parametrize("sent", [{"content": f'{{"{SECRET}', "headers": {"content-type": "application/json"}}, {}])
def test_a_malformed_body_is_a_problem_without_its_content(sent):
    response = send(app_that_raises(), "POST", "/fields", **sent)

    assert problem(response)["errors"]
    assert response.status_code == 422
    assert SECRET not in response.text


def test_a_wrong_form_field_is_named():
    assert problem(send(app_that_raises(), "POST", "/form", data={"count": SECRET}))["errors"][0]["location"] == (
        "body.count"
    )


def test_an_unknown_path_is_a_problem():
    response = send(app_that_raises(), "GET", "/nowhere")

    assert (response.status_code, problem(response)["type"]) == (404, "urn:diarize-runner:problem:not-found")


def test_a_wrong_method_names_the_allowed_ones():
    response = send(app_that_raises(), "DELETE", "/raise")

    assert (response.status_code, response.headers["allow"]) == (405, "GET")
    assert problem(response)["hint"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/a", "a"),
        ("/srv/x/a.wav: damaged", "a.wav: damaged"),
        ("cannot read /srv/a and /srv/b.", "cannot read a and b."),
        ("run: tool --into /srv/a/", "run: tool --into a/"),
        ("'/srv/my files/a b.wav' is empty", "'a b.wav' is empty"),
        ("file:///srv/models has no v1", "models has no v1"),
        ("error:/srv/a", "error:a"),
        ("--cache=/srv/a (/srv/b)", "--cache=a (b)"),
        ("see https://host.example/a/b", "see https://host.example/a/b"),
        ("1/2 and/or ./a/b", "1/2 and/or ./a/b"),
        ("a / b", "a / b"),
    ],
)
def test_only_the_last_part_of_an_absolute_path_stays(text, expected):
    assert without_folders(text) == expected


class TestRequestIds:
    @pytest.mark.parametrize("given", ["a", "A-1_b.c", "x" * 64])
    def test_a_plain_id_is_kept(self, given):
        response = send(app_that_raises(), "GET", "/state", headers={"X-Request-ID": given})

        assert (response.headers["x-request-id"], response.json()["request_id"]) == (given, given)

    @pytest.mark.parametrize("given", ["", "x" * 65, "a b", 'a"', "a/b", "é".encode().decode("latin-1")])
    def test_any_other_is_replaced(self, given):
        response = send(app_that_raises(), "GET", "/state", headers={"X-Request-ID": given.encode("latin-1")})

        assert response.headers["x-request-id"] not in (given, "")
        assert response.json()["request_id"] == response.headers["x-request-id"]

    def test_each_request_gets_another(self):
        app = app_that_raises()

        assert send(app, "GET", "/state").headers["x-request-id"] != send(app, "GET", "/state").headers["x-request-id"]


class TestHeaders:
    @pytest.mark.parametrize("path", ["/state", "/nowhere", "/raise", "/livez"])
    def test_every_response_has_them(self, path):
        headers = send(app_that_raises(RuntimeError()), "GET", path).headers

        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["content-security-policy"].startswith("default-src 'none'")

    def test_a_page_keeps_its_own_policy(self):
        assert send(app_that_raises(), "GET", "/own-policy").headers["content-security-policy"] == "default-src 'self'"


def lines(caplog):
    return [json.loads(record.getMessage()) for record in caplog.records if record.getMessage().startswith("{")]


class TestTheLog:
    def test_a_request_is_one_line_without_query_and_content(self, caplog):
        with caplog.at_level(logging.INFO, logger="diarize_runner.service"):
            send(
                app_that_raises(),
                "POST",
                f"/fields?secret={SECRET}",
                json={"count": SECRET},
                headers={"X-Request-ID": "r1", "Cookie": SECRET},
            )

        (line,) = lines(caplog)
        assert {**line, "time": 0, "milliseconds": 0} == {
            "time": 0,
            "request_id": "r1",
            "method": "POST",
            "path": "/fields",
            "status": 422,
            "milliseconds": 0,
            "key": "",
            "bytes_in": len(json.dumps({"count": SECRET}, separators=(",", ":"))),
        }
        assert SECRET not in caplog.text

    def test_the_duration_is_in_milliseconds(self, caplog):
        times = iter([10.0, 12.5])

        async def app(scope, receive, send):
            await PlainTextResponse("")(scope, receive, send)

        with caplog.at_level(logging.INFO, logger="diarize_runner.service"):
            send(Requests(app, clock=lambda: next(times)), "GET", "/x")

        assert lines(caplog)[0]["milliseconds"] == 2500

    def test_a_client_that_left_is_logged_as_such_whatever_the_application_answers(self, caplog):
        async def app(scope, receive, send):
            await receive()
            await PlainTextResponse("for nobody", status_code=400)(scope, receive, send)

        async def receive():
            return {"type": "http.disconnect"}

        async def drop(_):
            pass

        scope = {"type": "http", "method": "POST", "path": "/x", "headers": []}
        with caplog.at_level(logging.INFO, logger="diarize_runner.service"):
            asyncio.run(Requests(app)(scope, receive, drop))

        assert lines(caplog)[0]["status"] == 499

    def test_a_path_cannot_forge_a_line(self, caplog):
        with caplog.at_level(logging.INFO, logger="diarize_runner.service"):
            send(app_that_raises(), "GET", "/a%0a%7b%22status%22:200%7d" + "x" * 1000)

        assert len(lines(caplog)) == 1
        assert "\n" not in caplog.records[-1].getMessage()
        assert len(caplog.records[-1].getMessage()) < 600

    def test_a_response_that_breaks_off_is_logged_and_raised_to_the_server(self, caplog):
        with caplog.at_level(logging.INFO), pytest.raises(RuntimeError, match="broken"):
            send(app_that_raises(), "GET", "/breaks-off")

        assert lines(caplog)[0]["status"] == 200
        assert "failed" in caplog.text
