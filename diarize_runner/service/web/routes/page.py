"""The page at `/`, and what it needs beyond `/v1/jobs`."""

from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from diarize_runner.service.queue.job import Job
from diarize_runner.service.results import RESULT_FORMATS, FinishedJob, format_of
from diarize_runner.service.web import page
from diarize_runner.service.web.names import attachment
from diarize_runner.service.web.problems import Problem, ProblemKind
from diarize_runner.service.web.service import RunningService, found_job
from diarize_runner.service.work import WorkLabel
from diarize_runner.transcript.formats import html
from diarize_runner.transcript.formats.document import SENT_BY_FRAME
from diarize_runner.transcript.formats.media import media_type

router = APIRouter(tags=["Page"])
_NO_RECORDING: Final = ProblemKind(slug="no-recording", status=404, title="The recording is not there")


class ResultFormat(BaseModel):
    """A format of a result."""

    name: str = Field(description="Send it as `format` to the result.", examples=["srt"])
    suffix: str = Field(description="The end of a file's name.", examples=[".srt"])
    description: str = Field(examples=["subtitles with [SPEAKER_00] in front"])


class ResultFormats(BaseModel):
    """The formats of a result."""

    formats: list[ResultFormat]


class Capabilities(BaseModel):
    """What only some servers can do."""

    known_speakers: bool = Field(description="Whether requests may ask for `known_speakers`.", examples=[True])


@router.get("/", include_in_schema=False)
@router.head("/", include_in_schema=False)
async def index() -> Response:
    """Return the page, which holds no data: its script asks for a key, and fetches the jobs."""
    return Response(page.document(), media_type="text/html", headers={"Content-Security-Policy": page.policy()})


@router.get("/v1/capabilities")
async def capabilities(service: RunningService) -> Capabilities:
    """Return what this server can do and others cannot."""
    return Capabilities(known_speakers=service.settings.voice_file is not None)


@router.get("/v1/jobs/{job_id}/formats")
async def formats(service: RunningService, job: Annotated[Job, Depends(found_job)]) -> ResultFormats:
    """Return the formats that the result of a job has."""
    finished = service.result_of(job)
    return ResultFormats(formats=[_describe(name) for name in RESULT_FORMATS if finished.path(name).exists()])


@router.get("/v1/jobs/{job_id}/recording", response_class=FileResponse)
async def recording(service: RunningService, job: Annotated[Job, Depends(found_job)]) -> FileResponse:
    """Return the recording as it was uploaded, or a range of its bytes."""
    name, upload = WorkLabel.read(job.work).name, service.folder.job(job.id).upload
    if not upload.exists():
        raise Problem(_NO_RECORDING, "this job has no recording any more", hint="submit the recording again")
    return FileResponse(upload, media_type=media_type(name), filename=name)


@router.get("/v1/jobs/{job_id}/view", response_class=Response, include_in_schema=False)
async def view(
    service: RunningService, job: Annotated[Job, Depends(found_job)], player: Annotated[bool, Query()] = False
) -> Response:
    """Return the result as HTML for a frame of the page, which sends it the recording if it has a player."""
    finished = service.result_of(job)
    content = await run_in_threadpool(_render_view, finished, SENT_BY_FRAME if player else None)
    return Response(content, media_type="text/html", headers=attachment("result.html"))


def _describe(name: str) -> ResultFormat:
    described = format_of(name)
    return ResultFormat(name=name, suffix=described.suffix, description=described.description)


def _render_view(finished: FinishedJob, audio_src: str | None) -> str:
    return html.render(replace(finished.renamed({}), audio_src=audio_src))
