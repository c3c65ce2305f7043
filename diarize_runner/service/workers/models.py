"""The model process, as its parent sees it: it starts with the first job, and keeps its models for the next."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from diarize_runner.child import child_environment
from diarize_runner.errors import DiarizeRunnerError, PipelineError
from diarize_runner.service.workers.protocol import (
    Event,
    Finished,
    JobRequest,
    Loaded,
    Progressed,
    decode_event,
)
from diarize_runner.transcription.process import ChildProgram, ModelProcess, own_interpreter, own_path
from diarize_runner.transcription.protocol import Failed
from diarize_runner.transcription.transcriber import Deadline

CHILD: Final = "diarize_runner.service.workers.model_process"
DEFAULT_GROWTH: Final = 4 << 30
"""Bytes. Long recordings leave more memory with allocators than short ones; a leak exceeds any bound."""
_DEADLINE: Final = Deadline()
_NO_SAMPLES: Final = np.zeros(0, np.float32)
_SLOW_HINT: Final = "use a smaller model or a GPU, or cut the recording"
_START_HINT: Final = "check the memory of this machine, and its limit of processes"
_MEMORY_HINT: Final = "if memory ran out, cut the recording, or use a box with more memory"


class ModelProcessDied(PipelineError):
    """The model process ended, or was ended, before it finished the job."""


class ModelsNotLoaded(Exception):
    """The models could not be loaded: no job can run, and none is to blame."""

    def __init__(self, error: DiarizeRunnerError) -> None:
        super().__init__(error.message)
        self.error = error


class Receiver(Protocol):
    """Gets what the model process tells of a job."""

    def loaded(self, event: Loaded) -> None:
        """Note that the models are loaded, and the job begins."""

    def progressed(self, event: Progressed) -> None:
        """Note how far the loading, or the job, is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """When the model process is ended."""

    deadline: Deadline = _DEADLINE
    growth: int = DEFAULT_GROWTH
    """Bytes of memory above what it has after its first job."""


def model_program(child: str = CHILD) -> ChildProgram:
    """Return what to start: a module of this environment, without this process's secrets."""
    return ChildProgram(
        command=own_interpreter(child),
        environment={**child_environment(), **own_path()},
        name="model process",
        task="the job",
        slow_hint=_SLOW_HINT,
        memory_hint=_MEMORY_HINT,
    )


class Models:
    """Runs one job at a time; `interrupt` may come from any thread, all else from the thread that runs the jobs.

    The child asks the kernel to kill it when its parent ends, and for that the kernel takes the *thread* that started
    it for its parent: https://man7.org/linux/man-pages/man2/prctl.2.html (PR_SET_PDEATHSIG). So the thread that calls
    `run` must live as long as the process is needed; a thread for each job would kill it with each job.
    """

    def __init__(self, program: Callable[[], ChildProgram] = model_program, limits: Limits = Limits()) -> None:
        self._program, self._limits = program, limits
        self._lock = threading.Lock()
        self._process: ModelProcess | None = None
        self._is_interrupted = False
        self._loaded: Loaded | None = None
        self._first_size: int | None = None

    @property
    def is_loaded(self) -> bool:
        """Whether the next job finds its models loaded."""
        return self._loaded is not None

    @property
    def loaded(self) -> Loaded | None:
        """Return the device, the engine and the time of loading; None if nothing is loaded."""
        return self._loaded

    @property
    def process_id(self) -> int | None:
        """Return the id of the model process; None if there is none."""
        process = self._process
        return process.id if process else None

    def run(self, request: JobRequest, audio_seconds: float, receiver: Receiver) -> Finished:
        """Run a job of so much audio, and start the process if there is none; return when its result is written.

        Raises:
            ModelProcessDied: the process died, was interrupted, or took longer than the deadline.
            ModelsNotLoaded: the process died or failed before the job began.
            DiarizeRunnerError: the job failed, and said why; the models stay loaded.
        """
        has_begun = False
        try:
            for event in self._ask(self._start(), request, audio_seconds):
                if isinstance(event, Finished):
                    return self._finished(event)
                if isinstance(event, Failed):
                    raise event.error if has_begun else ModelsNotLoaded(event.error)
                if isinstance(event, Loaded):
                    has_begun, self._loaded = True, event
                    receiver.loaded(event)
                else:
                    receiver.progressed(event)
        except ModelProcessDied as died:
            is_ours = self._is_interrupted
            self.unload()
            if has_begun or is_ours:
                raise
            raise ModelsNotLoaded(died) from died
        raise AssertionError("the events end with the process")  # pragma: no cover

    def interrupt(self) -> None:
        """Kill the process: the job in progress, or else the next one, raises ModelProcessDied. `unload` forgets it."""
        with self._lock:
            self._is_interrupted = True
            if self._process:
                self._process.interrupt()

    def unload(self) -> None:
        """End the process, which frees its memory at once."""
        with self._lock:
            process, self._process = self._process, None
            self._is_interrupted = False
        self._loaded = self._first_size = None
        if process:
            process.kill()

    def _start(self) -> ModelProcess:
        """Return the process that is running, or a new one. Raises ModelProcessDied, and ModelsNotLoaded."""
        with self._lock:
            if self._is_interrupted:
                raise ModelProcessDied("the job was interrupted")
            if self._process and not self._process.is_running:
                self._process.kill()  # it ended between two jobs
                self._process = self._loaded = self._first_size = None
            if self._process is None:
                self._process = self._new_process()
            return self._process

    def _new_process(self) -> ModelProcess:
        try:
            return ModelProcess(self._program())
        except OSError as reason:
            error = PipelineError(f"the model process cannot start: {reason.strerror}", hint=_START_HINT)
            raise ModelsNotLoaded(error) from reason

    def _ask(self, process: ModelProcess, request: JobRequest, audio_seconds: float) -> Iterator[Event]:
        seconds = self._limits.deadline.seconds(audio_seconds)
        try:
            yield from process.ask(request.encode(), _NO_SAMPLES, seconds, decode_event)
        except PipelineError as reason:
            raise ModelProcessDied(reason.message, hint=reason.hint) from reason

    def _finished(self, event: Finished) -> Finished:
        """End a process that grew too much; the next job starts another."""
        if self._first_size is None:
            self._first_size = event.memory_bytes
        if event.memory_bytes - self._first_size > self._limits.growth:
            self.unload()
        return event
