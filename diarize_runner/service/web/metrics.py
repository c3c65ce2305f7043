"""What Prometheus reads."""

from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from diarize_runner.service.queue.job import Job
from diarize_runner.service.queue.queue import Queue
from diarize_runner.service.web.rates import Uploads

_SECONDS: Final = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200)


class Metrics:
    """The metrics of one server."""

    def __init__(self, queue: Queue) -> None:
        self.registry = registry = CollectorRegistry()
        name = "diarize_runner"
        self._requests = Histogram(
            f"{name}_request_seconds", "Duration of HTTP requests.", ("endpoint", "status"), registry=registry
        )
        self._uploads = Gauge(f"{name}_uploads", "Uploads that are being received.", registry=registry)
        self._jobs = Counter(f"{name}_jobs_ended", "Jobs that ended on this box.", ("state",), registry=registry)
        self._audio = Counter(f"{name}_audio_seconds", "Audio of jobs that succeeded.", registry=registry)
        self._processing = Counter(f"{name}_processing_seconds", "Their processing time.", registry=registry)
        self._waiting = Histogram(
            f"{name}_queue_seconds", "Time from submission to start.", buckets=_SECONDS, registry=registry
        )
        registry.register(_QueueCollector(queue))

    def observe(self, endpoint: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(endpoint, str(status)).observe(seconds)

    def watch(self, uploads: Uploads) -> None:
        """Show how many uploads are being received."""
        self._uploads.set_function(uploads.running)

    def count(self, job: Job) -> None:
        """Count a job that ended on this box."""
        self._jobs.labels(job.state).inc()
        if job.started_at:
            self._waiting.observe(max(0.0, job.started_at - job.created_at))
        if job.state == "succeeded":
            self._audio.inc(job.audio_seconds)
            self._processing.inc(job.processing_seconds or 0.0)


class _QueueCollector(Collector):
    """Reads the queue when it is asked."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def collect(self) -> Iterator[Metric]:
        """Yield the numbers of jobs by state, and the audio that waits."""
        jobs = GaugeMetricFamily("diarize_runner_jobs", "Jobs in the queue.", labels=["state"])
        for state, count in self._queue.counts().items():
            jobs.add_metric([state], count)
        yield jobs
        load = self._queue.load()
        yield GaugeMetricFamily("diarize_runner_queued_audio_seconds", "Audio that waits or runs.", load.audio_seconds)
