"""Work of the HTTP service: a recording is accepted, and its job succeeds. See `support.work`."""

import io
import os
from functools import partial

import numpy as np
from support.work import Work

from diarize_runner.diarization.audio import DecodedRecording
from diarize_runner.digests import hash_bytes
from diarize_runner.service import intake
from diarize_runner.service.folder import ServiceFolder
from diarize_runner.service.leftovers import Leftovers
from diarize_runner.service.queue.database import open_database
from diarize_runner.service.queue.job import NewJob
from diarize_runner.service.queue.queue import Queue
from diarize_runner.service.recording import DecodedUpload
from diarize_runner.service.work import Work as JobWork
from diarize_runner.service.workers.results import write_result

UPLOAD, SAMPLES = b"the sound of a call", np.arange(4, dtype=np.float32)
FILES = {"json": b'{"turns": []}', "rttm": b"SPEAKER call 1 0 1\n", "summary.json": b"{}"}
RECORDING = DecodedRecording(uri="call", waveform=SAMPLES, digest=hash_bytes(UPLOAD).digest)
JOB = "job"


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


def _accept(folder):
    """Keep an upload and add its job, as the intake does; return the queue."""
    service, queue = _service(folder)
    work = JobWork(name="call.wav")
    with service.new_job(JOB) as job:
        intake._keep(job, RECORDING, work, io.BytesIO(UPLOAD), None)
    queue.add(NewJob(id=JOB, owner="", work=work.encode(), model=work.model, audio_seconds=1.0))
    return queue


def _succeed(folder):
    """Run the job, as the dispatcher and the model process do; return the queue."""
    service, queue = _service(folder)
    claim = queue.claim("box", model=None, sticky_since=0.0)
    if claim is not None:
        result = f"result-{claim.lease}"
        write_result(service.job(JOB).result(result), FILES)
        queue.succeed(claim, result=result, processing_seconds=1.0)
        service.job(JOB).remove_inputs()
    return queue


def _is_accepted(folder, done):
    service, queue = _service(folder)
    found = queue.find(JOB)
    assert found or not done, "an accepted job is lost"
    if found:
        _require_inputs(service.job(JOB))
    Leftovers(folder=service, queue=queue, box="box").remove()
    assert [path.name for path in service.jobs.iterdir()] == [JOB] * bool(found)
    if not found:
        _accept(folder)
    _succeed(folder)
    _has_succeeded(folder, True)  # noqa: FBT003


def _require_inputs(job):
    assert job.upload.read_bytes() == UPLOAD
    assert job.samples.read_bytes() == SAMPLES.tobytes()
    assert DecodedUpload.decode(job.recording.read_bytes()).digest == str(RECORDING.digest)


def _has_succeeded(folder, done):
    service, queue = _service(folder)
    Leftovers(folder=service, queue=queue, box="box").remove()  # it queues the job of the killed server again
    found = queue.find(JOB)
    assert found.state == "succeeded" or not done
    if found.state == "queued":
        _require_inputs(service.job(JOB))
        _succeed(folder)
        found = queue.find(JOB)
    result = service.job(JOB).result(found.result)
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
