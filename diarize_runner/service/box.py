"""The parts of a server that work off the queue on this box: the dispatcher, the retention, what they tell."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from diarize_runner.errors import QueueError
from diarize_runner.service.folder import ServiceFolder
from diarize_runner.service.intake import Intake
from diarize_runner.service.leftovers import Leftovers
from diarize_runner.service.queue.deliveries import Deliveries
from diarize_runner.service.queue.queue import Queue
from diarize_runner.service.retention import Retention
from diarize_runner.service.settings import Settings
from diarize_runner.service.speed import Speed
from diarize_runner.service.web.changes import Changes
from diarize_runner.service.web.metrics import Metrics
from diarize_runner.service.webhooks.courier import Courier
from diarize_runner.service.webhooks.sender import Sender
from diarize_runner.service.workers.dispatcher import Dispatcher
from diarize_runner.service.workers.models import Models
from diarize_runner.service.workers.pace import Pace
from diarize_runner.service.workers.protocol import ModelSettings

_STALE: Final = 60.0
"""Seconds without a sign of life after which the workers count as dead."""
_JOIN_SECONDS: Final = 30.0


class Box:
    """The workers of this box, and what they share with the endpoints."""

    def __init__(
        self,
        *,
        settings: Settings,
        folder: ServiceFolder,
        queue: Queue,
        models: Models,
        sender: Sender | None = None,
    ) -> None:
        """Take the folder of a box that has the same name at each start, so that it takes back what it ran."""
        self.folder, self.queue = folder, queue
        self.changes, self.metrics, self._speed = Changes(), Metrics(), Speed()
        self._models, self._requested_device = models, settings.models.device
        self._dispatcher = Dispatcher(
            box=folder.box,
            queue=queue,
            folder=folder,
            models=self._models,
            settings=_model_settings(settings),
            pace=_pace(settings),
            on_change=self._note_change,
        )
        self.intake = Intake(folder, queue, settings.limits, self._speed, self._dispatcher.wake)
        self._retention = Retention(queue, folder, settings.limits.retention_seconds, time.time)
        self._leftovers = Leftovers(folder=folder, queue=queue)
        self._courier = Courier(Deliveries(engine=queue.engine), sender, time.time) if sender else None
        self._thread: threading.Thread | None = None

    def remove_leftovers(self) -> None:
        """Remove what killed servers left; only before `running`. Raises DiskError and QueueError."""
        self._leftovers.remove()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Work off the queue while the block runs; then give a running job back."""
        stop = threading.Event()
        # The model process dies with the thread that starts it, so that thread lives as long as the server.
        self._thread = threading.Thread(target=self._dispatcher.run, args=(stop,), name="dispatcher")
        self._thread.start()
        threading.Thread(target=self._retention.run, args=(stop,), name="retention", daemon=True).start()
        standby = self.intake.standby
        threading.Thread(target=standby.keep, args=(stop,), name="standby decoder", daemon=True).start()
        if self._courier:
            threading.Thread(target=self._courier.run, args=(stop,), name="courier", daemon=True).start()
        try:
            yield
        finally:
            stop.set()
            self._dispatcher.wake()
            standby.wake()
            self._thread.join(_JOIN_SECONDS)

    @property
    def is_alive(self) -> bool:
        """Whether the dispatcher gives signs of life."""
        thread = self._thread
        return thread is not None and thread.is_alive() and time.monotonic() - self._dispatcher.heartbeat < _STALE

    @property
    def is_loaded(self) -> bool:
        """Whether a model is loaded."""
        return self._models.is_loaded

    @property
    def model_process(self) -> int | None:
        """The id of the model process; None if there is none."""
        return self._models.process_id

    @property
    def device(self) -> str:
        """The device that the models are on, or the requested one."""
        loaded = self._models.loaded
        return loaded.device if loaded else self._requested_device

    @property
    def problem(self) -> str | None:
        """Why no job runs; None if jobs can run."""
        return self._dispatcher.problem

    def cancel(self, job_id: str) -> None:
        """Stop a job that runs here."""
        self._dispatcher.cancel(job_id)

    def _note_change(self, job_id: str) -> None:
        """Tell the requests that wait; count a job that has ended, unless the queue cannot be reached."""
        with suppress(QueueError):  # an error here would end the thread that renews the lease of the job
            self._count_if_ended(job_id)
        self.changes.notify(job_id)

    def _count_if_ended(self, job_id: str) -> None:
        job = self.queue.find(job_id)
        if job and job.is_final:
            self.metrics.count(job)
            if job.processing_seconds is not None:
                self._speed.add(job.audio_seconds, job.processing_seconds)


def _model_settings(settings: Settings) -> ModelSettings:
    models = settings.models
    return ModelSettings(
        cache=str(models.cache.absolute()),
        device=models.device,
        engine=models.engine,
        compute_type=models.compute_type,
        batch_size=models.batch_size,
        voices=str(settings.voice_file.absolute()) if settings.voice_file else None,
        voice_threshold=settings.voice_threshold,
    )


def _pace(settings: Settings) -> Pace:
    limits = settings.limits
    return Pace(turn_jobs=limits.turn_jobs, max_wait_seconds=limits.max_wait_seconds, idle_seconds=limits.idle_seconds)
