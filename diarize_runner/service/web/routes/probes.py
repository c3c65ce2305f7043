"""Health, readiness and metrics; probes need no key and tell nothing of jobs."""

from functools import partial
from typing import Any, Final, Literal

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from diarize_runner.service.web.problems import Problem, ProblemKind
from diarize_runner.service.web.readiness import require_ready
from diarize_runner.service.web.service import RunningService
from diarize_runner.version import __version__

router = APIRouter(tags=["Probes"])
_NOT_ALIVE: Final = ProblemKind(slug="not-alive", status=503, title="The server runs no jobs any more")
_UNAVAILABLE: Final[dict[int | str, dict[str, Any]]] = {503: {"description": "It does not; `detail` says why"}}


class Health(BaseModel):
    """The state of the server."""

    status: Literal["healthy", "unhealthy"]
    model_loaded: bool = Field(description="Whether a model is loaded; the next job loads it.")
    device: str = Field(examples=["cuda"])


class Alive(BaseModel):
    """The server answers."""

    status: Literal["ok"] = "ok"


class Version(BaseModel):
    """The release of the server."""

    version: str = Field(examples=["0.2.0"])


@router.get("/livez", responses=_UNAVAILABLE)
async def livez(service: RunningService) -> Alive:
    """Succeed while the server answers and its workers live; a supervisor restarts a server that fails."""
    if not service.workers.is_alive:
        raise Problem(_NOT_ALIVE, "the workers have ended", hint="restart the server: see its log")
    return Alive()


@router.get("/readyz", responses=_UNAVAILABLE)
@router.get("/ready", responses=_UNAVAILABLE)
async def readyz(service: RunningService) -> Alive:
    """Succeed while the server would take a job and run it, whether or not a model is loaded."""
    await service.readiness.run(partial(require_ready, service))
    return Alive()


@router.get("/health")
async def health(service: RunningService) -> Health:
    """Return the state of the server."""
    workers = service.workers
    status: Literal["healthy", "unhealthy"] = "healthy" if workers.is_alive and not workers.problem else "unhealthy"
    return Health(status=status, model_loaded=workers.is_loaded, device=workers.device)


@router.get("/version")
async def version() -> Version:
    """Return the release of the server."""
    return Version(version=__version__)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(service: RunningService) -> Response:
    """Return metrics for Prometheus."""
    return Response(await run_in_threadpool(generate_latest, service.metrics.registry), media_type=CONTENT_TYPE_LATEST)
