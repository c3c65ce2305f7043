"""The decoder's process (decoding.py) as its parent sees it: it starts, waits for one recording, decodes it and ends.

    run_decoder      decode in a process that starts now
    StandbyDecoder   decode in a process that has started before; a new one follows each recording

A process gets its recording over a socket that is its stdin, as descriptors of the recording and of a file for samples
(SCM_RIGHTS, unix(7)). It never gets another: what hostile bytes do to it reaches no other recording. It confines itself
when it has them, so that its limits are those of this recording.
"""

import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TypeAlias

from diarize_runner.child import python_path

_log = logging.getLogger(__name__)

_DECODER = (sys.executable, "-m", "diarize_runner.diarization.decoding")
_GNUTLS_ENVIRONMENT = {"GNUTLS_SYSTEM_PRIORITY_FILE": os.devnull}
"""Keep the GnuTLS in PyAV's wheels from reading /tmp/vendor/etc/gnutls/config, which any local user can write."""

RunDecoder: TypeAlias = Callable[[str, IO[bytes], int, float], "subprocess.CompletedProcess[bytes]"]
"""Takes what `run_decoder` takes."""


def run_decoder(request: str, source: IO[bytes], samples: int, seconds: float) -> "subprocess.CompletedProcess[bytes]":
    """Decode `source` into the descriptor `samples` in a new process; return its exit code and stderr.

    Raises:
        TimeoutExpired: it exceeded `seconds` and was killed.
    """
    decoder = DecoderProcess.start()
    with suppress(ConnectionError):  # it has ended already; its result says why
        decoder.hand_over(request, source, samples)
    return decoder.result(seconds)


@dataclass(frozen=True, kw_only=True, slots=True)
class DecoderProcess:
    """A decoder that waits for its recording, or decodes it."""

    process: "subprocess.Popen[bytes]"
    channel: socket.socket
    """Takes the recording."""

    @classmethod
    def start(cls) -> "DecoderProcess":
        """Start one without our environment, in `/`, where only root can place a module. It dies with this thread."""
        environment = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(  # noqa: S603  # our own interpreter
                [*_DECODER, str(os.getpid())],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                cwd="/",
                env={"OPENBLAS_NUM_THREADS": "1", **_GNUTLS_ENVIRONMENT, **environment, **python_path()},
            )
        return cls(process=process, channel=ours)

    def hand_over(self, request: str, source: IO[bytes], samples: int) -> None:
        """Make it decode `source` into `samples`. Raises ConnectionError if it has ended."""
        with self.channel:
            socket.send_fds(self.channel, [b" "], [source.fileno(), samples])
            self.channel.sendall(request.encode())

    def result(self, seconds: float) -> "subprocess.CompletedProcess[bytes]":
        """Wait until it ends; kill it, and raise TimeoutExpired, if that takes longer than `seconds` from now."""
        with self.process:
            try:
                _, errors = self.process.communicate(timeout=seconds)
            except BaseException:
                self.process.kill()
                raise
        return subprocess.CompletedProcess(self.process.args, self.process.returncode, stderr=errors)

    def end(self) -> None:
        """Kill it."""
        self.channel.close()
        with self.process:
            self.process.kill()


class StandbyDecoder:
    """Keeps one decoder waiting, from the first recording on; `keep` is the body of a thread, `run` is for any thread.

    The kernel kills a decoder when the *thread* that started it ends: see `die_with_parent`. So the thread that calls
    `keep` must live as long as the decoders that it starts.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: DecoderProcess | None = None
        self._wanted = threading.Event()

    def run(
        self, request: str, source: IO[bytes], samples: int, seconds: float
    ) -> "subprocess.CompletedProcess[bytes]":
        """Decode as `run_decoder` does, in the process that waits, or in a new one if there is none."""
        try:
            if decoder := self._take():
                try:
                    decoder.hand_over(request, source, samples)
                except ConnectionError:  # it was killed while it waited
                    decoder.end()
                else:
                    return decoder.result(seconds)
            return run_decoder(request, source, samples, seconds)
        finally:
            self.wake()

    def keep(self, stop: threading.Event) -> None:
        """Start a decoder after each recording, until `stop` is set; then end the one that waits."""
        while self._wanted.wait() and not stop.is_set():
            self._wanted.clear()
            self._fill()
        if decoder := self._take():
            decoder.end()

    def wake(self) -> None:
        """Make `keep` look: the decoder is taken, or `stop` is set."""
        self._wanted.set()

    def _take(self) -> DecoderProcess | None:
        with self._lock:
            decoder, self._waiting = self._waiting, None
        return decoder

    def _fill(self) -> None:
        if self._waiting is None:  # only this thread sets it
            try:
                self._waiting = DecoderProcess.start()
            except OSError as reason:
                _log.warning("no decoder starts ahead of its recording: %s", reason.strerror)
