"""Queues for tests, with a clock that tests move."""

from dataclasses import dataclass

from diarize_runner.service.queue.database import open_database
from diarize_runner.service.queue.job import JobFailure, NewJob
from diarize_runner.service.queue.queue import Queue

CRASH = JobFailure(kind="PipelineError", message="the model process died of signal 11", hint="see its log")


@dataclass
class FakeClock:
    now: float = 1_700_000_000.0

    def __call__(self):
        return self.now


def open_queue(url, clock=None, **settings):
    return Queue(engine=open_database(url), clock=clock or FakeClock(), **settings)


def new_job(job_id, **values):
    return NewJob(
        **{"id": job_id, "owner": "kai", "work": "{}", "model": "diarization", "audio_seconds": 60.0, **values}
    )


def claim(queue, box="box", model=None, sticky_since=0.0):
    return queue.claim(box, model=model, sticky_since=sticky_since)
