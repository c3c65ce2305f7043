"""A limit to how long a store is waited for, whatever it sends meanwhile.

The timeout of a socket starts anew with every byte, so that a server that sends one now and then is waited for without
end. Here, another thread looks at the clock.
"""

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import TypeVar

from diarize_runner.errors import StoreError

_Outcome = TypeVar("_Outcome")


class Watch:
    """Calls `stop`, from another thread, when a step takes longer than `seconds`, or a quarter more."""

    def __init__(self, seconds: float, stop: Callable[[], None]) -> None:
        self.stopped = False
        """Whether a step took too long."""
        self._seconds, self._stop = seconds, stop
        self._until, self._ended = math.inf, Event()

    def timed(self, step: Callable[[], _Outcome]) -> _Outcome:
        """Return what `step` returns."""
        self._until = time.monotonic() + self._seconds
        try:
            return step()
        finally:
            self._until = math.inf

    def end(self) -> None:
        """Watch no longer."""
        self._ended.set()

    def look(self) -> None:
        """Watch until the end, or until a step took too long."""
        while not self._ended.wait(self._seconds / 4):
            if time.monotonic() > self._until:
                self.stopped = True
                with suppress(OSError, RuntimeError, ValueError):  # it ended by itself just now
                    self._stop()
                return


@contextmanager
def watching(seconds: float, stop: Callable[[], None]) -> Iterator[Watch]:
    """Yield a watch that looks at the clock until the block ends."""
    watch = Watch(seconds, stop)
    Thread(target=watch.look, daemon=True).start()
    try:
        yield watch
    finally:
        watch.end()


def answered(ask: Callable[[], _Outcome], *, within: float, place: str, hint: str) -> _Outcome:
    """Return what `ask` returns, or raise what it raises.

    Raises:
        StoreError: that took longer than `within` seconds. The request is left behind, in a thread that ends with the
            process at the latest: nothing of `requests` or boto3 ends it while the head of an answer arrives.
    """
    outcome: Future[_Outcome] = Future()
    Thread(target=_settle, args=(outcome, ask), daemon=True).start()
    if not wait([outcome], within).done:
        raise StoreError(f"{place}: no answer was complete within {within:g} s", hint=hint)
    return outcome.result()


def _settle(outcome: "Future[_Outcome]", ask: Callable[[], _Outcome]) -> None:
    try:
        outcome.set_result(ask())
    except BaseException as reason:  # noqa: BLE001  # it is raised where the answer is waited for
        outcome.set_exception(reason)
