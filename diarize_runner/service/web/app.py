"""Put the application together."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI

from diarize_runner.service.web.description import describe
from diarize_runner.service.web.gauges import BoxCollector, QueueCollector
from diarize_runner.service.web.protect import protect
from diarize_runner.service.web.routes import job_api, jobs, localai, openai, page, probes, pyannote_server, queue_api
from diarize_runner.service.web.service import Service
from diarize_runner.version import __version__

_DESCRIPTION: Final = "Find who spoke when, and who said what, offline. Errors are problem documents of RFC 9457."
_MOST_FILES, _MOST_FIELDS, _LARGEST_FIELD = 101, 100, 1 << 16
"""Starlette keeps fields, and files of up to 1 MiB, in memory: with its own limits, a request needs gigabytes. A batch
may have 100 files; the endpoint itself tells of the next one."""
_ROUTERS: Final = (jobs, pyannote_server, job_api, queue_api, localai, openai, probes, page)


def create_app(service: Service, workers: Callable[[], AbstractContextManager[None]]) -> FastAPI:
    """Return the application; `workers` is entered when it starts, and ends with it.

    Raises:
        UsageError or ManifestError: the key file cannot be used.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.changes.start()
        with workers():
            yield

    app = described_app(lifespan=lifespan)
    app.state.service = service
    metrics = service.metrics
    metrics.watch(protect(app, service.settings, metrics.observe))
    metrics.add(QueueCollector(service.queue))
    metrics.add(BoxCollector(service))
    return app


def described_app(**options: Any) -> FastAPI:
    """Return the endpoints and their OpenAPI document, without a service that could answer."""
    app = FastAPI(
        title="diarize-runner",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,  # its page loads scripts from a CDN
        redoc_url=None,
        form_limits={"max_files": _MOST_FILES, "max_fields": _MOST_FIELDS, "max_part_size": _LARGEST_FIELD},
        redirect_slashes=False,  # it redirects to the `Host` that a client sends, and from https to http
        **options,
    )
    for each in _ROUTERS:
        app.include_router(each.router)
    describe(app)
    return app
