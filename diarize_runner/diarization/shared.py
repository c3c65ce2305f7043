"""One change of something that the whole process has, for all who want it at once."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager


class Shared:
    """A context that the first of several threads enters, and the last leaves.

    To enter it for each would put back what another thread had changed, when they do not end in the order of a stack.
    """

    def __init__(self, make: Callable[[], AbstractContextManager[None]]) -> None:
        self._make, self._lock = make, threading.Lock()
        self._inside, self._entered = 0, ExitStack()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Be inside until the block ends."""
        with self._lock:
            if not self._inside:
                self._entered.enter_context(self._make())
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    self._entered.close()
