"""Time limits on a store that keeps sending.

A socket's timeout restarts with every byte, so a server that sends one byte now and then would block forever. Here a
second thread watches the clock.
"""

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import TypeVar

from diarize_runner.errors import StoreError

_Result = TypeVar("_Result")


class Watchdog:
    """Calls `stop`, from another thread, when a step exceeds `seconds` by up to a quarter."""

    def __init__(self, seconds: float, stop: Callable[[], None]) -> None:
        self.timed_out = False
        self._seconds, self._stop = seconds, stop
        self._deadline, self._closed = math.inf, Event()

    def run(self, step: Callable[[], _Result]) -> _Result:
        """Return what `step` returns; watch it meanwhile."""
        self._deadline = time.monotonic() + self._seconds
        try:
            return step()
        finally:
            self._deadline = math.inf

    def close(self) -> None:
        """Stop watching."""
        self._closed.set()

    def watch(self) -> None:
        """Check the deadline until `close` is called or a step times out."""
        while not self._closed.wait(self._seconds / 4):
            if time.monotonic() > self._deadline:
                self.timed_out = True
                with suppress(OSError, RuntimeError, ValueError):  # the connection closed just now
                    self._stop()
                return


@contextmanager
def watchdog(seconds: float, stop: Callable[[], None]) -> Iterator[Watchdog]:
    """Yield a running Watchdog and close it when the block ends."""
    watch = Watchdog(seconds, stop)
    Thread(target=watch.watch, daemon=True).start()
    try:
        yield watch
    finally:
        watch.close()


def call_with_timeout(call: Callable[[], _Result], *, seconds: float, object_url: str, hint: str) -> _Result:
    """Return what `call` returns, or raise what it raises.

    Raises:
        StoreError: the call took longer than `seconds`. It goes on in a daemon thread, because neither `requests` nor
            boto3 can cancel a request whose headers are arriving.
    """
    result: Future[_Result] = Future()
    Thread(target=_settle, args=(result, call), daemon=True).start()
    if not wait([result], seconds).done:
        raise StoreError(f"{object_url}: no complete response within {seconds:g} s", hint=hint)
    return result.result()


def _settle(result: "Future[_Result]", call: Callable[[], _Result]) -> None:
    try:
        result.set_result(call())
    except BaseException as reason:  # noqa: BLE001  # `Future.result` raises it in the caller
        result.set_exception(reason)
