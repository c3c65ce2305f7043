"""Claim one job after the other, run it in the model process, and finish it in the queue."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

from diarize_runner.errors import DeviceUnavailable, DiarizeRunnerError, DiskFull, IntegrityError, LeaseLost, QueueError
from diarize_runner.service.folder import ServiceFolder
from diarize_runner.service.queue.job import Claim, JobFailure
from diarize_runner.service.workers.attempt import Attempt
from diarize_runner.service.workers.models import ModelProcessDied, ModelsNotLoaded, Receiver
from diarize_runner.service.workers.pace import DEFAULT_PACE, SYSTEM_CLOCK, Clock, Pace
from diarize_runner.service.workers.protocol import Finished, JobRequest, ModelSettings
from diarize_runner.service.workers.queue import WorkQueue
from diarize_runner.service.workers.results import remove_result
from diarize_runner.service.workers.turn import Turn

_log = logging.getLogger(__name__)

_FIRST_WAIT: Final = 5.0
_LONGEST_WAIT: Final = 60.0
"""Seconds after a failure that concerns every job."""
_TRIES: Final = 10
_RETRY_SECONDS: Final = 2.0
"""Together they are shorter than a lease: hours of work are not lost to a database that restarts."""

_Outcome = Finished | DiarizeRunnerError | ModelsNotLoaded


class JobModels(Protocol):
    """What runs a job: `Models`."""

    @property
    def is_loaded(self) -> bool:
        """Whether the next job finds its models loaded."""

    def run(self, request: JobRequest, audio_seconds: float, receiver: Receiver) -> Finished:
        """Run a job. Raises as `Models.run` does."""

    def interrupt(self) -> None:
        """Kill the process."""

    def unload(self) -> None:
        """End the process."""


def _nothing(_job_id: str) -> None:
    pass


class Dispatcher:
    """Works off a queue; `run` is the body of a thread that lives as long as the server, as `Models` requires."""

    def __init__(  # noqa: PLR0913  # what it connects, by name
        self,
        *,
        box: str,
        queue: WorkQueue,
        folder: ServiceFolder,
        models: JobModels,
        settings: ModelSettings,
        pace: Pace = DEFAULT_PACE,
        on_change: Callable[[str], None] = _nothing,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """`on_change` gets a job's id after each change of its state or progress, in threads of the dispatcher."""
        self._box, self._queue, self._folder, self._models = box, queue, folder, models
        self._settings, self._pace, self._on_change, self._clock = settings, pace, on_change, clock
        self._turn = Turn(length=pace.turn_jobs)
        self._wakeup, self._lock = threading.Event(), threading.Lock()
        self._attempt: Attempt | None = None
        self._idle_since = self._heartbeat = clock.monotonic()
        self._next_wait = _FIRST_WAIT
        self._queue_problem: str | None = None
        self._models_problem: str | None = None

    @property
    def problem(self) -> str | None:
        """Return why no job can run now; None if nothing is known to prevent it."""
        return self._queue_problem or self._models_problem

    @property
    def heartbeat(self) -> float:
        """Return when it last went on, by the monotonic clock."""
        return self._heartbeat

    @property
    def running(self) -> str | None:
        """Return the id of the job that runs."""
        attempt = self._attempt
        return attempt.job_id if attempt else None

    def wake(self) -> None:
        """Look at the queue now: a job was added, or the server stops."""
        self._wakeup.set()

    def cancel(self, job_id: str) -> None:
        """Stop a job at once if it runs here; the queue must know already that it is cancelled."""
        with self._lock:
            if self._attempt and self._attempt.job_id == job_id:
                self._attempt.stop("cancelled")

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; then end the model process, and give a running job back.

        An error of the queue is waited for, as is one that concerns every job.
        """
        step: Callable[[threading.Event], None] = self._release
        try:
            while not stop.is_set():
                if self._reached_queue(step, stop):
                    step = self._step
        finally:
            self._models.unload()

    def _reached_queue(self, step: Callable[[threading.Event], None], stop: threading.Event) -> bool:
        """Take a step; wait if the queue fails, and return False."""
        try:
            step(stop)
        except DiarizeRunnerError as error:
            self._queue_problem = error.message
            self._back_off(error, stop)
            return False
        return True

    def _release(self, _stop: threading.Event) -> None:
        """Queue the jobs again that a server with this name ran when it was killed."""
        self._queue.release(self._box)

    def _step(self, stop: threading.Event) -> None:
        """Run a job, or wait for one."""
        self._heartbeat = self._clock.monotonic()
        if claim := self._claim():
            self._work(claim, stop)
            self._idle_since = self._clock.monotonic()
        else:
            self._unload_if_idle()
            self._clock.wait(self._wakeup, self._pace.poll_seconds)
        self._wakeup.clear()

    def _claim(self) -> Claim | None:
        preferred = self._turn.preferred if self._models.is_loaded else None
        since = self._clock.time() - self._pace.max_wait_seconds
        claim = self._queue.claim(self._box, model=preferred, sticky_since=since)
        if self._queue_problem:
            self._queue_problem, self._next_wait = None, _FIRST_WAIT
        if claim:
            self._turn.take(claim.job.model)
            self._on_change(claim.job.id)
        else:
            self._models_problem = None  # no job shows whether it persists
        return claim

    def _unload_if_idle(self) -> None:
        idle = self._clock.monotonic() - self._idle_since
        if self._pace.idle_seconds is not None and self._models.is_loaded and idle >= self._pace.idle_seconds:
            _log.info("the models are unloaded: no job came for %.0f s", idle)
            self._models.unload()

    def _work(self, claim: Claim, stop: threading.Event) -> None:
        attempt = Attempt(claim, self._models.interrupt, self._note_loaded)
        outcome = self._outcome(attempt, stop)
        if attempt.stopped:
            self._models.unload()
        try:
            self._finish_patiently(attempt, outcome, stop)
        except LeaseLost:
            self._discard(claim)
        self._remove_inputs(claim)
        self._on_change(claim.job.id)
        if not attempt.stopped:
            self._wait_if_shared(outcome, stop)

    def _wait_if_shared(self, outcome: _Outcome, stop: threading.Event) -> None:
        """Wait if the next job would meet the same error."""
        if error := _shared(outcome):
            self._models_problem = error.message
            self._models.unload()
            self._back_off(error, stop)
        else:
            self._next_wait = _FIRST_WAIT

    def _outcome(self, attempt: Attempt, stop: threading.Event) -> _Outcome:
        """Run the job; return how that ended."""
        claim, result = attempt.claim, self._result(attempt.claim)
        request = JobRequest(load=self._settings, folder=str(result.parent), work=claim.job.work, result=result.name)
        try:
            with self._running(attempt, stop):
                return self._models.run(request, claim.job.audio_seconds, attempt)
        except (DiarizeRunnerError, ModelsNotLoaded) as error:
            return error

    @contextmanager
    def _running(self, attempt: Attempt, stop: threading.Event) -> Iterator[None]:
        """Keep the lease of the attempt, which `cancel` finds, while the block runs."""
        over = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(attempt, over, stop), name="lease", daemon=True)
        with self._lock:
            self._attempt = attempt
        keeper.start()
        try:
            yield
        finally:
            over.set()
            keeper.join()  # a renewal after the end of the job would find the lease lost
            with self._lock:  # from here on, nothing can stop the attempt, and kill what runs next
                self._attempt = None

    def _keep(self, attempt: Attempt, over: threading.Event, stop: threading.Event) -> None:
        """Renew the lease until the attempt is over; stop the attempt if the server stops."""
        while True:
            self._heartbeat = now = self._clock.monotonic()
            if stop.is_set():
                attempt.stop("server stops")
            if attempt.keep(self._queue, now, self._pace.renew_seconds):
                self._on_change(attempt.job_id)
            if self._clock.wait(over, self._pace.cancel_seconds):
                return

    def _finish_patiently(self, attempt: Attempt, outcome: _Outcome, stop: threading.Event) -> None:
        """Tell the queue how the attempt ended; try again if the queue cannot be reached. Raises LeaseLost."""
        for _ in range(_TRIES - 1):
            self._heartbeat = self._clock.monotonic()
            with suppress(QueueError):
                self._finish(attempt, outcome)
                return
            self._clock.wait(stop, _RETRY_SECONDS)
        self._finish(attempt, outcome)

    def _discard(self, claim: Claim) -> None:
        """Remove a result, unless the queue has it after all: a connection may break when the job has just ended."""
        job, result = self._queue.find(claim.job.id), self._result(claim)
        if job is None or job.result != result.name:
            _log.warning("job %s: the lease was lost; the result is discarded", claim.job.id)
            remove_result(result)

    def _finish(self, attempt: Attempt, outcome: _Outcome) -> None:
        """Tell the queue how the attempt ended, and remove a result that no job has. Raises LeaseLost."""
        claim = attempt.claim
        if isinstance(outcome, Finished) and not attempt.stopped:
            self._queue.succeed(claim, result=self._result(claim).name, processing_seconds=outcome.processing_seconds)
            return
        remove_result(self._result(claim))
        if attempt.stopped == "cancelled":
            self._queue.cancelled(claim)
        elif attempt.stopped == "server stops" or (
            attempt.stopped is None and isinstance(outcome, (ModelsNotLoaded, DiskFull, IntegrityError))
        ):
            self._queue.give_back(claim)
        elif attempt.stopped is None and isinstance(outcome, DiarizeRunnerError):
            self._finish_failed(claim, outcome)

    def _finish_failed(self, claim: Claim, error: DiarizeRunnerError) -> None:
        _log.warning("job %s: %s", claim.job.id, type(error).__name__)  # its message may name the recording
        failure = JobFailure(kind=type(error).__name__, message=error.message, hint=error.hint)
        if isinstance(error, (ModelProcessDied, DeviceUnavailable)):  # a recording may be the cause of both
            self._queue.crashed(claim, failure)
        else:
            self._queue.fail(claim, failure)

    def _remove_inputs(self, claim: Claim) -> None:
        """Remove the samples of a job that has ended; one that runs again needs them."""
        job = self._queue.find(claim.job.id)
        if job and job.is_final:
            with suppress(OSError):  # the job has ended all the same; what is left is removed with the job
                self._folder.job(job.id).remove_inputs()

    def _result(self, claim: Claim) -> Path:
        return self._folder.job(claim.job.id).result(f"result-{claim.lease}").absolute()

    def _note_loaded(self) -> None:
        self._models_problem = None

    def _back_off(self, error: DiarizeRunnerError, stop: threading.Event) -> None:
        """Wait after a failure that concerns every job: each time twice as long, up to a minute."""
        _log.error("no job can run for %.0f s: %s", self._next_wait, error.message)
        until = self._clock.monotonic() + self._next_wait
        self._next_wait = min(2 * self._next_wait, _LONGEST_WAIT)
        while not stop.is_set() and (left := until - self._clock.monotonic()) > 0:
            self._heartbeat = self._clock.monotonic()
            self._clock.wait(stop, min(left, self._pace.poll_seconds))


def _shared(outcome: _Outcome) -> DiarizeRunnerError | None:
    """Return the error that every other job would meet, too; None if there is none."""
    if isinstance(outcome, ModelsNotLoaded):
        return outcome.error
    return outcome if isinstance(outcome, (DeviceUnavailable, DiskFull, IntegrityError)) else None
