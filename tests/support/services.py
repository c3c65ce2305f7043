"""A service in this process, with a model process that has no models."""

import io
import threading
import time
import wave
from contextlib import contextmanager
from dataclasses import replace

import httpx
import numpy as np
import uvicorn
from starlette.testclient import TestClient
from support import fake_models

from diarize_runner.service.box import Box
from diarize_runner.service.catalog import Catalog
from diarize_runner.service.folder import ServiceFolder
from diarize_runner.service.queue.database import open_database
from diarize_runner.service.queue.queue import Queue
from diarize_runner.service.settings import Limits, Settings
from diarize_runner.service.web.app import create_app
from diarize_runner.service.web.service import Service
from diarize_runner.service.webhooks.allowed import NO_WEBHOOKS
from diarize_runner.service.workers.models import Models

CATALOG = Catalog(multilingual={"tiny.en": False, "small": True}, default="tiny.en")
LIMITS = Limits(requests_per_minute=100_000, reserved_bytes=0)
ADDRESS = "http://127.0.0.1:8000"


def wav(seconds=4.0, level=0.3, rate=16_000, pitch=220):
    """Return a WAV file of a tone; silence with level 0."""
    samples = level * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return target.getvalue()


@contextmanager
def application(path, *, catalog=CATALOG, limits=LIMITS, sender=None, **settings):
    """Yield the application of a service, whose parts are `app.state.service`."""
    folder = ServiceFolder(path=path)
    folder.create()
    folder.empty_incoming()
    configured = replace(Settings(folder=path, limits=limits), **settings)
    engine = open_database(configured.database_url or folder.queue_url)
    box = Box(
        settings=configured,
        folder=folder,
        queue=Queue(engine=engine),
        models=Models(fake_models.program),
        sender=sender,
    )
    service = Service(
        settings=configured,
        folder=folder,
        queue=box.queue,
        intake=box.intake,
        catalog=catalog,
        workers=box,
        changes=box.changes,
        metrics=box.metrics,
        webhooks=sender.webhooks if sender else NO_WEBHOOKS,
    )
    yield create_app(service, box.running)
    engine.dispose()


@contextmanager
def running_service(path, **options):
    """Yield a client of a running service; `client.service` has its parts."""
    with (
        application(path, **options) as app,
        TestClient(app, base_url=ADDRESS, client=("127.0.0.1", 50_000)) as client,
    ):
        client.service = app.state.service
        yield client


@contextmanager
def listening_service(path, **options):
    """Yield a client of a service that listens on a port of this machine; `client.service` has its parts."""
    with application(path, **options) as app:
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            while not server.started and thread.is_alive():
                time.sleep(0.01)
            port = server.servers[0].sockets[0].getsockname()[1]
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                client.service = app.state.service
                yield client
        finally:
            server.should_exit = True
            thread.join()


def wait_for(client, job_id, *states, headers=None, seconds=60):
    """Return the job when it has one of the states, or has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        job = client.get(f"/v1/jobs/{job_id}", headers=headers).json()
        if job["state"] in (states or ("succeeded", "failed", "cancelled")):
            return job
        time.sleep(0.02)
    raise AssertionError(f"{job_id} is {job['state']} after {seconds} s")
