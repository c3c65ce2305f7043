"""A child process that holds a model: start it, ask it, read its events until a deadline, kill it."""

import logging
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final, TypeVar

import numpy as np

from diarize_runner.errors import PipelineError

if TYPE_CHECKING:
    import numpy.typing as npt

_log = logging.getLogger(__name__)
_Event = TypeVar("_Event")

_CHUNK: Final = 1 << 16
"""Bytes."""
_LONGEST_EVENT: Final = 16 << 20
"""Bytes; a segment has less than a minute of speech."""
_KEPT_LINES: Final = 20
_EXIT_SECONDS: Final = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ChildProgram:
    """What to start, and what errors call it."""

    command: tuple[str, ...]
    """Gets three more arguments: the descriptors of the events and the samples, and this process's id."""
    environment: Mapping[str, str]
    name: str
    """Such as `transcriber`."""
    task: str
    """Such as `transcription`."""
    slow_hint: str
    """What to do if it takes too long."""
    memory_hint: str
    """What to do if it died."""


def own_interpreter(module: str) -> tuple[str, ...]:
    """Return the command that runs a module of this environment; it needs `own_path`."""
    return (sys.executable, "-W", "ignore", "-m", module)


def own_path() -> dict[str, str]:
    """Return the variable that gives a child this process's `sys.path`."""
    return {"PYTHONPATH": os.pathsep.join(each for each in sys.path if isinstance(each, str) and each)}


class ModelProcess:
    """A child process in its own process group."""

    def __init__(self, program: ChildProgram) -> None:
        """Start it in `/`: no file there can pose as a module."""
        self._program = program
        self._samples = os.memfd_create("samples")
        self._events, child_events = os.pipe()
        self._output: deque[str] = deque(maxlen=_KEPT_LINES)
        arguments = [str(child_events), str(self._samples), str(os.getpid())]
        try:
            self._process = subprocess.Popen(  # noqa: S603  # an interpreter that the administrator chose
                [*program.command, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(child_events, self._samples),
                cwd="/",
                env=program.environment,
                start_new_session=True,
            )
        except BaseException:
            self._close_descriptors()
            raise
        finally:
            os.close(child_events)
        # Libraries print there; a full pipe would stop the child.
        self._reader = threading.Thread(target=self._drain, daemon=True)
        self._reader.start()

    @property
    def id(self) -> int:
        """The number that the kernel gave it."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def ask(
        self, request: bytes, waveform: "npt.NDArray[np.float32]", seconds: float, decode: Callable[[bytes], _Event]
    ) -> Iterator[_Event]:
        """Yield the events that answer the request, a line of JSON; the caller stops after the last one.

        Raises:
            PipelineError: the child ended, said what is no event, or took more than `seconds`.
        """
        deadline = time.monotonic() + seconds
        self._share(waveform)
        try:
            self._stdin.write(request)
            self._stdin.flush()
        except OSError as reason:
            raise self._died() from reason
        for line in self._lines(deadline, seconds):
            yield self._decode(line, decode)

    def release_samples(self) -> None:
        """Free the memory of the samples, once the child has sent its last event: 64 KB for each second of audio."""
        os.ftruncate(self._samples, 0)

    def interrupt(self) -> None:
        """Kill the process group: `ask`, in another thread, then raises PipelineError."""
        if self._process.returncode is None:  # once it is reaped, another group can have its number
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def kill(self) -> None:
        """Kill the process group and free its memory; this takes milliseconds."""
        self._end()
        with suppress(OSError):  # of a request that the child did not read
            self._stdin.close()
        self._close_descriptors()

    def _end(self) -> None:
        self.interrupt()
        self._process.wait()
        self._reader.join()

    def _share(self, waveform: "npt.NDArray[np.float32]") -> None:
        self.release_samples()
        with os.fdopen(os.dup(self._samples), "wb") as file:
            file.seek(0)
            file.write(np.ascontiguousarray(waveform, dtype=np.float32).data)

    @property
    def _stdin(self) -> IO[bytes]:
        stdin = self._process.stdin
        assert stdin  # noqa: S101  # it is a pipe
        return stdin

    def _lines(self, deadline: float, seconds: float) -> Iterator[bytes]:
        poller, pending = select.poll(), b""
        poller.register(self._events, select.POLLIN)
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not poller.poll(left * 1000):
                message = f"{self._program.task} takes more than {seconds:.0f} s"
                raise PipelineError(message, hint=self._program.slow_hint)
            chunk = os.read(self._events, _CHUNK)
            if not chunk or len(pending) > _LONGEST_EVENT:
                raise self._died()
            *lines, pending = (pending + chunk).split(b"\n")
            yield from lines

    def _died(self) -> PipelineError:
        with suppress(subprocess.TimeoutExpired):  # it closes its events before it has an exit code
            self._process.wait(_EXIT_SECONDS)
        self._end()
        code = self._process.returncode
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        last = f": {self._output[-1]}" if self._output else ""
        return PipelineError(f"the {self._program.name} {how}{last}", hint=self._program.memory_hint)

    def _drain(self) -> None:
        """Log what the child prints, and keep the last lines for errors."""
        stdout = self._process.stdout
        assert stdout  # noqa: S101  # it is a pipe
        with stdout:
            for line in stdout:
                self._output.append(line.decode(errors="replace").rstrip())
                _log.debug("%s: %s", self._program.name, self._output[-1])

    def _close_descriptors(self) -> None:
        os.close(self._samples)
        os.close(self._events)

    def _decode(self, line: bytes, decode: Callable[[bytes], _Event]) -> _Event:
        try:
            return decode(line)
        except (ValueError, KeyError, TypeError) as reason:
            raise PipelineError(f"the {self._program.name} sent {line[:80]!r}, which is no event") from reason
