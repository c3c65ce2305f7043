"""What Prometheus reads."""

import platform
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector
from prometheus_client.registry import Collector

from diarize_runner.service.queue.job import FINAL_STATES, Job
from diarize_runner.service.web.rates import Uploads
from diarize_runner.version import __version__

_QUEUE_SECONDS: Final = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400, 28_800)
_REQUEST_SECONDS: Final = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
"""A synchronous request waits for its job, for up to ten minutes."""


class Metrics:
    """The metrics of one server."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        name = "diarize_runner"
        self._requests = Histogram(
            f"{name}_request_seconds",
            "Duration of HTTP requests.",
            ("endpoint", "status"),
            buckets=_REQUEST_SECONDS,
            registry=registry,
        )
        self._uploads = Gauge(f"{name}_uploads", "Uploads that are being received.", registry=registry)
        self._jobs = Counter(f"{name}_jobs_ended", "Jobs that ended on this box.", ("state",), registry=registry)
        for state in FINAL_STATES:
            self._jobs.labels(state)  # from 0 on: Prometheus sees no increase in a series that begins at 1
        self._audio = Counter(f"{name}_audio_seconds", "Audio of jobs that succeeded.", registry=registry)
        self._processing = Counter(f"{name}_processing_seconds", "Their processing time.", registry=registry)
        self._waiting = Histogram(
            f"{name}_queue_seconds", "Time from submission to start.", buckets=_QUEUE_SECONDS, registry=registry
        )
        build = Info(f"{name}_build", "The release of the server.", registry=registry)
        build.info({"version": __version__, "python_version": platform.python_version()})
        ProcessCollector(registry=registry)

    def add(self, collector: Collector) -> None:
        """Add metrics that are computed when Prometheus reads them."""
        self.registry.register(collector)

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
