"""One key tries to take all connections or the whole disk."""

import asyncio
import shutil
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest

pytest.importorskip("fastapi")

import httpx
from fastapi import FastAPI
from support.endpoints import decode_wav, files_of, problem, shared_service
from support.services import LIMITS, wav

from diarize_runner.errors import QueueError
from diarize_runner.service.keys import add_key
from diarize_runner.service.settings import Limits, Settings
from diarize_runner.service.web.problems import Problem
from diarize_runner.service.web.protect import protect
from diarize_runner.service.web.service import NOT_READY
from diarize_runner.service.web.shared_check import SharedCheck


def status_of(client, token):
    return client.get("/events", headers={"X-API-Key": token})


def test_a_key_has_only_so_many_requests_open_and_another_key_is_not_affected(tmp_path):
    path, app, finish, arrived = tmp_path / "keys.json", FastAPI(), asyncio.Event(), asyncio.Queue()
    ours, theirs = (add_key(path, name) for name in ("ours", "theirs"))

    @app.get("/events")
    async def _events():
        arrived.put_nowait(None)
        await finish.wait()

    async def exchange():
        protect(app, Settings(key_file=path, limits=Limits(requests_at_a_time=2)))
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            tasks = [asyncio.create_task(status_of(client, token)) for token in (ours, ours, theirs)]
            for _ in tasks:
                await arrived.get()
            refused = await asyncio.wait_for(status_of(client, ours), 10)
            finish.set()
            return refused, [(await task).status_code for task in tasks], (await status_of(client, ours)).status_code

    refused, waited, later = asyncio.run(exchange())
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "5")
    assert refused.json()["detail"] == "2 requests are not answered yet"
    assert (waited, later) == ([200, 200, 200], 200)


def test_uploads_leave_space_for_the_queue_and_results_of_the_jobs_that_were_accepted(tmp_path_factory, monkeypatch):
    """The queue bounds seconds of audio: a second of it may have a video of a gigabyte."""
    limits = replace(LIMITS, reserved_bytes=1 << 30)
    with shared_service(tmp_path_factory, decode=decode_wav, limits=limits) as client:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=(1 << 30) - 1))
        refused = client.post("/v1/jobs", files={"file": ("a.wav", wav(1))})
        assert refused.status_code == 507
        document = problem(refused, slug="storage-full")
        assert document["detail"] == "the disk has 1023 MiB left, and 1024 MiB are reserved"
        assert files_of(client) == []
        assert client.get("/readyz").status_code == 503

        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 30))
        assert client.post("/v1/jobs", files={"file": ("a.wav", wav(1))}).status_code == 202


class TestReadiness:
    """It needs no key, and writes to the queue."""

    def test_requests_share_the_check_that_runs_and_its_outcome(self):
        finish, checks = threading.Event(), []

        def check():
            checks.append(finish.wait(10))
            raise QueueError("no space", hint="free some")

        async def scenario():
            shared = SharedCheck()
            tasks = [asyncio.create_task(shared.run(check)) for _ in range(3)]
            await asyncio.sleep(0)
            tasks[0].cancel()
            finish.set()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            assert list(map(type, outcomes)) == [asyncio.CancelledError, QueueError, QueueError]
            assert checks == [True]
            with pytest.raises(QueueError):
                await shared.run(check)
            assert checks == [True, True]

        asyncio.run(scenario())

    @pytest.mark.parametrize("path", ["/readyz", "/ready"])
    def test_the_probe_shares_its_check(self, tmp_path_factory, path, monkeypatch):
        async def running(_shared, _check):
            raise Problem(NOT_READY, "the check of another request", hint="ask again")

        monkeypatch.setattr(SharedCheck, "run", running)
        with shared_service(tmp_path_factory) as client:
            assert problem(client.get(path), slug="not-ready")["detail"] == "the check of another request"
