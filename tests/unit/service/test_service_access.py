"""Who may send what: decided before a byte of the body is read."""

import asyncio
import json
import logging
import time

import pytest

pytest.importorskip("fastapi")

import httpx
from fastapi import FastAPI
from starlette.requests import Request
from starlette.websockets import WebSocket

from diarize_runner.service.keys import add_key, revoke_key
from diarize_runner.service.settings import Limits, Settings
from diarize_runner.service.web.protect import protect

MULTIPART = {"content-type": "multipart/form-data; boundary=x"}


def service(settings=None):
    app = FastAPI()

    @app.get("/livez")
    @app.get("/who")
    @app.get("/metrics")
    async def _who(request: Request):
        return {"owner": getattr(request.state, "owner", None)}

    @app.post("/livez")
    @app.post("/upload")
    async def _upload(request: Request):
        return {"bytes": sum([len(part) async for part in request.stream()])}

    return app, protect(app, settings or Settings())


def send(app, method="GET", path="/who", *, base="http://localhost", **options):
    async def exchange():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=base) as client:
            return await client.request(method, path, **options)

    return asyncio.run(exchange())


def slug(response):
    return response.json()["type"].rpartition(":")[2]


class RawRequest:
    """A request whose body arrives as the test says, and which counts what was read."""

    def __init__(self, app, *, method="POST", path="/upload", headers=None):
        headers = {"host": "localhost", **(headers or {})}
        self.scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "scheme": "http",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 5),
            "server": ("127.0.0.1", 80),
        }
        self.app, self.reads, self.sent = app, 0, []
        self.messages = asyncio.Queue()

    async def receive(self):
        self.reads += 1
        return await self.messages.get()

    async def send(self, message):
        self.sent.append(message)

    def body(self, data=b"", *, more=False):
        self.messages.put_nowait({"type": "http.request", "body": data, "more_body": more})

    def disconnect(self):
        self.messages.put_nowait({"type": "http.disconnect"})

    async def run(self):
        await self.app(self.scope, self.receive, self.send)

    @property
    def status(self):
        return self.sent[0]["status"] if self.sent else None

    @property
    def document(self):
        return json.loads(b"".join(message.get("body", b"") for message in self.sent))


async def until(condition):
    """Let other tasks run until the condition holds."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0)
    pytest.fail("the condition never held")


@pytest.fixture
def keyed(tmp_path):
    """The settings of a service with a key of alice, and the key."""
    path = tmp_path / "keys.json"
    return Settings(host="0.0.0.0", key_file=path), add_key(path, "alice")


class TestKeys:
    @pytest.mark.parametrize(
        "headers",
        [
            {"Authorization": "Bearer {}"},
            {"Authorization": "bearer  {}"},
            {"X-API-Key": "{}"},
            {"xi-api-key": "{}"},
            {"Authorization": "Basic abc", "X-API-Key": "{}"},
        ],
        ids=str,
    )
    def test_a_key_is_accepted_in_each_header(self, keyed, headers):
        settings, token = keyed
        sent = {name: value.format(token) for name, value in headers.items()}

        assert send(service(settings)[0], headers=sent).json() == {"owner": "alice"}

    @pytest.mark.parametrize(
        "headers",
        [{}, {"Authorization": "Bearer "}, {"Authorization": "Basic {}"}, {"X-API-Key": ""}, {"Cookie": "key={}"}],
        ids=str,
    )
    def test_without_a_key_nothing_is_answered(self, keyed, headers):
        settings, token = keyed
        sent = {name: value.format(token) for name, value in headers.items()}

        response = send(service(settings)[0], headers=sent)

        assert (response.status_code, slug(response)) == (401, "unauthorized")
        assert response.headers["www-authenticate"] == 'Bearer realm="diarize-runner"'
        assert response.headers["x-request-id"]

    @pytest.mark.parametrize("token", ["dr_wrong", "alice", "\xff"])
    def test_a_wrong_key_is_refused_and_not_quoted(self, keyed, token, caplog):
        response = send(service(keyed[0])[0], headers={"Authorization": f"Bearer {token}".encode("latin-1")})

        assert response.status_code == 401
        assert 'error="invalid_token"' in response.headers["www-authenticate"]
        assert token not in f"{response.json()['detail']}{response.json()['hint']}{caplog.text}"

    def test_a_revoked_key_is_refused_without_a_restart(self, keyed):
        settings, token = keyed
        app, _ = service(settings)
        headers = {"X-API-Key": token}
        assert send(app, headers=headers).status_code == 200

        revoke_key(settings.key_file, "alice")

        assert send(app, headers=headers).status_code == 401

    @pytest.mark.parametrize(
        "path", ["/metrics", "/nowhere", "/livez/", "http://localhost//livez", "/docs", "/openapi.json"]
    )
    def test_every_path_but_the_probes_needs_a_key(self, keyed, path):
        assert send(service(keyed[0])[0], path=path).status_code == 401

    def test_a_probe_needs_no_key_but_only_for_reading(self, keyed):
        app, _ = service(keyed[0])

        assert send(app, path="/livez").status_code == 200
        assert send(app, "POST", "/livez").status_code == 401

    def test_a_page_of_another_site_with_a_key_is_a_client_like_any_other(self, keyed):
        settings, token = keyed
        headers = {"X-API-Key": token, "Origin": "https://pages.example", "Sec-Fetch-Site": "cross-site"}

        assert send(service(settings)[0], "POST", "/upload", headers=headers).status_code == 200

    def test_a_websocket_is_refused(self, keyed):
        app, sent = service(keyed[0])[0], []

        @app.websocket("/livez")
        async def _accept(websocket: WebSocket):
            await websocket.accept()

        async def keep(message):
            sent.append(message)

        asyncio.run(app({"type": "websocket", "path": "/livez", "headers": []}, None, keep))

        assert [message["type"] for message in sent] == ["websocket.close"]


class TestOtherSites:
    @pytest.mark.parametrize(
        "host", ["localhost", "LOCALHOST:8000", "127.0.0.1", "127.0.0.1:8000", "[::1]", "[::1]:80"]
    )
    def test_this_machine_is_served_without_a_key(self, host):
        response = send(service()[0], headers={"Host": host})

        assert (response.status_code, response.json()) == (200, {"owner": ""})

    @pytest.mark.parametrize(
        "host",
        [
            "",
            "evil.example",
            "localhost.evil.example",
            "evil.example:8000",
            "localhost@evil.example",
            "evil.example@localhost",
            "localhost/evil",
            "192.0.2.1",
            "[::1",
            "localhost:x",
            "intranet",
        ],
    )
    def test_a_name_that_was_rebound_to_this_machine_is_refused(self, host):
        response = send(service()[0], headers={"Host": host})

        assert (response.status_code, slug(response)) == (421, "misdirected")
        assert "key file" in response.json()["hint"]

    def test_two_host_headers_are_refused(self):
        assert send(service()[0], headers=[("Host", "localhost"), ("Host", "evil.example")]).status_code == 421

    def test_the_bound_host_is_served(self):
        app, _ = service(Settings(host="127.0.0.2"))

        assert send(app, headers={"Host": "127.0.0.2:8000"}).status_code == 200

    @pytest.mark.parametrize(("host", "status"), [("192.0.2.1:8000", 200), ("diarizer", 200), ("evil.example", 421)])
    def test_an_insecure_service_is_reached_by_address_and_by_local_name_only(self, host, status):
        app, _ = service(Settings(host="0.0.0.0", insecure=True))

        assert send(app, headers={"Host": host}).status_code == status

    @pytest.mark.parametrize(
        "origin", ["https://evil.example", "null", "http://localhost:3000", "http://[", "http://localhost.evil.example"]
    )
    def test_a_page_of_another_site_cannot_change_anything(self, origin):
        response = send(service()[0], "POST", "/upload", headers={"Origin": origin})

        assert (response.status_code, slug(response)) == (403, "cross-site")

    @pytest.mark.parametrize("origin", ["http://localhost", "https://LOCALHOST"])
    @pytest.mark.parametrize("host", ["localhost", "LocalHost"])
    def test_our_own_page_can(self, origin, host):
        assert send(service()[0], "POST", "/upload", headers={"Origin": origin, "Host": host}).status_code == 200

    def test_a_page_of_another_site_may_ask_since_its_browser_shows_it_no_answer(self):
        response = send(service()[0], headers={"Origin": "https://other.example"})

        assert response.status_code == 200
        assert not any(name.startswith("access-control") for name in response.headers)

    @pytest.mark.parametrize(
        ("method", "mode", "status"),
        [("POST", "no-cors", 403), ("POST", "navigate", 403), ("GET", "no-cors", 403), ("GET", "navigate", 200)],
    )
    def test_of_cross_site_requests_only_links_are_followed(self, method, mode, status):
        headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode}

        assert (
            send(service()[0], method, "/who" if method == "GET" else "/upload", headers=headers).status_code == status
        )


class TestRates:
    def test_too_many_requests_are_told_when_to_return(self):
        app, _ = service(Settings(limits=Limits(requests_per_minute=2)))
        statuses = [send(app).status_code for _ in range(2)]

        refused = send(app)

        assert (statuses, refused.status_code, slug(refused)) == ([200, 200], 429, "too-many-requests")
        assert 1 <= int(refused.headers["retry-after"]) <= 60

    def test_a_minute_later_they_are_served_again(self, monkeypatch):
        app, _ = service(Settings(limits=Limits(requests_per_minute=1)))
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now)
        assert [send(app).status_code for _ in range(2)] == [200, 429]

        monkeypatch.setattr(time, "time", lambda: now + 61)

        assert send(app).status_code == 200

    def test_each_key_has_its_own_rate(self, keyed):
        settings, alice = keyed
        bob = add_key(settings.key_file, "bob")
        app, _ = service(Settings(host="0.0.0.0", key_file=settings.key_file, limits=Limits(requests_per_minute=1)))

        statuses = [send(app, headers={"X-API-Key": token}).status_code for token in (alice, alice, bob)]

        assert statuses == [200, 429, 200]

    def test_probes_are_not_counted(self):
        app, _ = service(Settings(limits=Limits(requests_per_minute=1)))

        assert [send(app, path="/livez").status_code for _ in range(5)] == [200] * 5


class TestBodies:
    def refused_unread(self, settings, headers, status):
        async def exchange():
            request = RawRequest(service(settings)[0], headers=headers)
            request.body(b"x")
            await request.run()
            return request

        request = asyncio.run(exchange())
        assert (request.status, request.reads) == (status, 0)
        assert request.document["request_id"]
        return request.document

    def test_a_body_without_a_key_is_not_read(self, keyed):
        self.refused_unread(keyed[0], MULTIPART, 401)

    def test_a_body_with_a_wrong_key_is_not_read(self, keyed):
        self.refused_unread(keyed[0], {"x-api-key": "dr_no", **MULTIPART}, 401)

    def test_a_body_for_another_host_is_not_read(self):
        self.refused_unread(Settings(), {"host": "evil.example", **MULTIPART}, 421)

    def test_a_body_of_another_site_is_not_read(self):
        self.refused_unread(Settings(), {"origin": "https://evil.example", **MULTIPART}, 403)

    @pytest.mark.parametrize("length", ["11", "9" * 5000])
    def test_a_body_that_is_too_large_is_not_read(self, length):
        settings = Settings(limits=Limits(max_upload_bytes=10))

        document = self.refused_unread(settings, {"content-length": length, **MULTIPART}, 413)

        assert document["type"].endswith(":too-large")

    @pytest.mark.parametrize("length", ["-1", "1.5", "x", "²"])
    def test_a_length_that_is_none_is_refused(self, length):
        self.refused_unread(Settings(), {"content-length": length, **MULTIPART}, 400)

    def test_a_body_that_is_no_upload_may_be_1_mib(self):
        self.refused_unread(Settings(), {"content-length": str((1 << 20) + 1), "content-type": "application/json"}, 413)

    def test_a_body_of_the_largest_length_is_read(self):
        app, _ = service(Settings(limits=Limits(max_upload_bytes=10)))

        response = send(app, "POST", "/upload", content=b"x" * 10, headers=MULTIPART)

        assert (response.status_code, response.json()) == (200, {"bytes": 10})

    def test_a_body_without_a_length_ends_at_the_limit_with_a_problem(self):
        async def exchange():
            request = RawRequest(service(Settings(limits=Limits(max_upload_bytes=10)))[0], headers=MULTIPART)
            for _ in range(10):
                request.body(b"x" * 6, more=True)
            request.disconnect()
            await request.run()
            return request

        request = asyncio.run(exchange())

        assert (request.status, request.reads) == (413, 2)
        assert request.document["type"].endswith(":too-large")
        assert request.document["request_id"]

    def test_a_document_without_a_length_ends_at_1_mib(self):
        async def exchange():
            request = RawRequest(service()[0], headers={"content-type": "application/json"})
            for _ in range(4):
                request.body(b"x" * (1 << 19), more=True)
            request.disconnect()
            await request.run()
            return request

        request = asyncio.run(exchange())

        assert (request.status, request.reads) == (413, 3)


class TestUploads:
    """At most `uploads` at a time, and `uploads_per_key` of a key."""

    def run(self, scenario, settings):
        async def whole():
            app, uploads = service(settings)
            await scenario(app, uploads)
            assert uploads.running() == 0

        asyncio.run(whole())

    @staticmethod
    async def start(app, **headers):
        request = RawRequest(app, headers={**MULTIPART, **headers})
        request.body(b"first", more=True)
        task = asyncio.ensure_future(request.run())
        await until(lambda: request.reads >= 2 or request.status)
        return request, task

    def test_one_too_many_is_refused_unread_and_accepted_when_another_has_ended(self):
        async def scenario(app, uploads):
            first, task = await self.start(app)
            refused, _ = await self.start(app)
            assert (refused.status, refused.reads) == (429, 0)
            assert refused.document["type"].endswith(":too-many-uploads")
            assert dict(refused.sent[0]["headers"])[b"retry-after"] == b"5"
            first.body()
            await task
            assert (first.status, uploads.running()) == (200, 0)
            again, task = await self.start(app)
            again.body()
            await task
            assert again.status == 200

        self.run(scenario, Settings(limits=Limits(uploads=1)))

    def test_a_key_has_fewer_than_all_keys_together(self, keyed):
        settings, alice = keyed
        bob = add_key(settings.key_file, "bob")

        async def scenario(app, uploads):
            first, first_task = await self.start(app, **{"x-api-key": alice})
            refused, _ = await self.start(app, **{"x-api-key": alice})
            other, other_task = await self.start(app, **{"x-api-key": bob})
            assert (refused.status, other.status, uploads.running()) == (429, None, 2)
            for request, task in ((first, first_task), (other, other_task)):
                request.body()
                await task

        limits = Limits(uploads=2, uploads_per_key=1)
        self.run(scenario, Settings(host="0.0.0.0", key_file=settings.key_file, limits=limits))

    def test_an_upload_whose_client_leaves_is_counted_no_more(self):
        async def scenario(app, uploads):
            request, task = await self.start(app)
            assert uploads.running() == 1
            request.disconnect()
            await task

        self.run(scenario, Settings(limits=Limits(uploads=1)))

    def test_a_client_that_leaves_is_no_failure_of_the_service(self, caplog):
        async def scenario(app, _):
            request, task = await self.start(app)
            request.disconnect()
            await task
            assert request.sent == []

        with caplog.at_level(logging.INFO, logger="diarize_runner.service"):
            self.run(scenario, Settings())

        (record,) = caplog.records
        line = json.loads(record.getMessage())
        assert (line["status"], line["bytes_in"]) == (499, len(b"first"))

    def test_an_upload_that_the_server_cancels_is_counted_no_more(self):
        async def scenario(app, uploads):
            _, task = await self.start(app)
            assert uploads.running() == 1
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        self.run(scenario, Settings(limits=Limits(uploads=1)))

    def test_an_upload_that_was_never_read_is_counted_no_more(self):
        async def scenario(app, uploads):
            request = RawRequest(app, path="/nowhere", headers=MULTIPART)
            await request.run()
            assert request.status == 404

        self.run(scenario, Settings(limits=Limits(uploads=1)))

    def test_a_request_that_waits_for_its_result_holds_no_place(self):
        async def scenario(_, __):
            app, waiting = FastAPI(), asyncio.Event()

            @app.post("/upload")
            async def _wait(request: Request):
                await request.body()
                await waiting.wait()

            uploads = protect(app, Settings(limits=Limits(uploads=1)))
            request, task = await self.start(app)
            assert uploads.running() == 1
            request.body()
            await until(lambda: uploads.running() == 0)
            assert not task.done()
            waiting.set()
            await task
            assert uploads.running() == 0

        self.run(scenario, Settings())

    @pytest.mark.parametrize(
        "content_type", ["audio/wav", "video/mp4", "application/octet-stream", "Multipart/Form-Data"]
    )
    def test_recordings_are_uploads_in_every_media_type(self, content_type):
        async def scenario(app, uploads):
            request, task = await self.start(app, **{"content-type": content_type})
            assert uploads.running() == 1
            request.body()
            await task

        self.run(scenario, Settings())

    def test_a_document_is_no_upload(self):
        async def scenario(app, uploads):
            request, task = await self.start(app, **{"content-type": "application/json"})
            assert uploads.running() == 0
            request.body()
            await task

        self.run(scenario, Settings())
