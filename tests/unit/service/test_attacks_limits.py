"""One key tries to take all connections or the whole disk."""

import asyncio

import pytest

pytest.importorskip("fastapi")

import httpx
from fastapi import FastAPI

from diarize_runner.service.keys import add_key
from diarize_runner.service.settings import Limits, Settings
from diarize_runner.service.web.protect import protect


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
