"""Metrics of the queue and of this box that are computed when Prometheus reads them."""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from diarize_runner.errors import QueueError
from diarize_runner.service.queue.queue import Queue
from diarize_runner.service.web.readiness import is_ready
from diarize_runner.service.web.service import Service
from diarize_runner.service.workers.memory import cpu_seconds, resident_bytes

_PREFIX: Final = "diarize_runner"


class QueueCollector(Collector):
    """The queue, the same on each box; nothing while it cannot be read, so that the other metrics are."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def collect(self) -> Iterator[Metric]:
        """Yield the numbers of jobs by state, and what waits."""
        with suppress(QueueError):
            yield _jobs(self._queue)
            load = self._queue.load()
            yield _gauge("queued_audio_seconds", "Audio of the jobs that wait or run.", load.audio_seconds)
            yield _gauge(
                "oldest_queued_job_age_seconds",
                "Time since the submission of the oldest job that waits; 0 if none waits.",
                self._queue.longest_wait(),
            )
            yield _gauge("crashed_jobs", "Failed jobs whose last permitted attempt ended.", self._queue.crashed_jobs())


class BoxCollector(Collector):
    """Whether a box works, its limits, its disk and its model process."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        """Yield what the box is and has now."""
        yield _gauge(
            "ready", "Whether the server would take a job and run it, as /readyz says.", is_ready(self._service)
        )
        yield _gauge("models_loaded", "Whether a model is loaded.", self._service.workers.is_loaded)
        yield from self._limits()
        yield from self._disk()
        yield from self._model_process()

    def _limits(self) -> Iterator[Metric]:
        limits = self._service.settings.limits
        help_text = "The most audio that may wait or run, of all keys."
        yield _gauge("queued_audio_limit_seconds", help_text, limits.max_queued_seconds)
        yield _gauge("queued_jobs_limit", "The most jobs that may wait or run, of all keys.", limits.max_queued_jobs)
        yield _gauge("uploads_limit", "The most uploads that may be received at a time.", limits.uploads)
        help_text = "Free space below which the server takes no upload."
        yield _gauge("folder_reserved_bytes", help_text, limits.reserved_bytes)

    def _disk(self) -> Iterator[Metric]:
        with suppress(OSError):  # the folder is not mounted: the server is not ready
            free = shutil.disk_usage(self._service.folder.path).free
            yield _gauge("folder_free_bytes", "Free space on the file system of the folder.", free)

    def _model_process(self) -> Iterator[Metric]:
        process = self._service.workers.model_process
        resident, cpu = (0, 0.0) if process is None else (resident_bytes(process), cpu_seconds(process))
        text = "Memory of the process with the models and of its children; 0 if there is none."
        yield _gauge("model_process_resident_memory_bytes", text, resident)
        text = "CPU time of the process with the models and of its children; it restarts with the process."
        yield CounterMetricFamily(f"{_PREFIX}_model_process_cpu_seconds", text, cpu)


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{_PREFIX}_{name}", documentation, value)


def _jobs(queue: Queue) -> Metric:
    jobs = GaugeMetricFamily(f"{_PREFIX}_jobs", "Jobs in the queue, by state.", labels=["state"])
    for state, count in queue.counts().items():
        jobs.add_metric([state], count)
    return jobs
