"""Work of the HTTP service: a recording is accepted, and its job succeeds. See `support.work`."""

import io
import os
from functools import partial

import numpy as np
from support.work import Work

from diarize_runner.diarization.audio import DecodedRecording
from diarize_runner.digests import hash_bytes
from diarize_runner.service.folder import ServiceFolder
from diarize_runner.service.intake import Intake, Submission
from diarize_runner.service.leftovers import Leftovers
from diarize_runner.service.queue.database import open_database
from diarize_runner.service.queue.queue import Queue
from diarize_runner.service.recording import DecodedUpload
from diarize_runner.service.settings import Limits
from diarize_runner.service.speed import Speed
from diarize_runner.service.work import Work as JobWork
from diarize_runner.service.workers.results import write_result

UPLOAD, SAMPLES = b"the sound of a call", np.arange(4, dtype=np.float32)
FILES = {"json": b'{"turns": []}', "rttm": b"SPEAKER call 1 0 1\n", "summary.json": b"{}"}
RECORDING = DecodedRecording(uri="call", waveform=SAMPLES, digest=hash_bytes(UPLOAD).digest)


def _service(folder):
    service = ServiceFolder(path=folder / "service")
    service.create()
    return service, Queue(engine=open_database(service.queue_url))


def _no_jobs(folder):
    folder.mkdir(parents=True, exist_ok=True)
    _, queue = _service(folder)
    queue.engine.dispose()


def _accepted_before(folder):
    _no_jobs(folder)
    _accept(folder).engine.dispose()


class _DecodedIntake(Intake):
    """An intake whose uploads need no decoder."""

    def _decode(self, _submission, _upload):
        return RECORDING


def _accept(folder):
    """Accept an upload; return the queue."""
    service, queue = _service(folder)
    intake = _DecodedIntake(service, queue, Limits(), Speed(), wake=lambda: None)
    intake.accept(Submission(owner="", work=JobWork(name="call.wav")), io.BytesIO(UPLOAD))
    return queue


def _jobs(queue):
    return queue.page("", cursor=None, limit=10).jobs


def _succeed(folder):
    """Run the job, as the dispatcher and the model process do; return the queue."""
    service, queue = _service(folder)
    claim = queue.claim("box", model=None, sticky_since=0.0)
    if claim is not None:
        result = f"result-{claim.lease}"
        write_result(service.job(claim.job.id).result(result), FILES)
        queue.succeed(claim, result=result, processing_seconds=1.0)
        service.job(claim.job.id).remove_inputs()
    return queue


def _is_accepted(folder, done):
    service, queue = _service(folder)
    jobs = _jobs(queue)
    assert jobs or not done, "an accepted job is lost"
    for job in jobs:
        _require_inputs(service.job(job.id))
    Leftovers(folder=service, queue=queue).remove()
    assert [path.name for path in service.jobs.iterdir()] == [job.id for job in jobs]
    if not jobs:
        _accept(folder)
    _succeed(folder)
    _has_succeeded(folder, True)  # noqa: FBT003


def _require_inputs(job):
    assert job.upload.read_bytes() == UPLOAD
    assert job.samples.read_bytes() == SAMPLES.tobytes()
    assert DecodedUpload.decode(job.recording.read_bytes()).digest == str(RECORDING.digest)


def _has_succeeded(folder, done):
    service, queue = _service(folder)
    Leftovers(folder=service, queue=queue).remove()  # it queues the job of the killed server again
    (found,) = _jobs(queue)
    assert found.state == "succeeded" or not done
    if found.state == "queued":
        _require_inputs(service.job(found.id))
        _succeed(folder)
        (found,) = _jobs(queue)
    result = service.job(found.id).result(found.result)
    assert {path.name: path.read_bytes() for path in result.iterdir()} == FILES
    assert {path.name for path in result.parent.iterdir()} == {"upload", "recording.json", found.result}


def _and_exit(work, folder):
    """Work, and leave the database as a killed process does: the disk model knows no writes within a file."""
    queue = work(folder)
    os._exit(0 if queue else 1)


SERVICE_WORKS = {
    "an upload": Work(prepare=_no_jobs, run=partial(_and_exit, _accept), check=_is_accepted, on="service"),
    "a job": Work(prepare=_accepted_before, run=partial(_and_exit, _succeed), check=_has_succeeded, on="service"),
}
