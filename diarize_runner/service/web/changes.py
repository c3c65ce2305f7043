"""Tell the requests that wait for a job of its changes."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Watch:
    """Notes the changes of a job between two waits, so that none is missed while the job is read."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def note(self) -> None:
        """Note a change."""
        self._changed.set()

    async def wait(self, seconds: float) -> None:
        """Wait for a change. Returns after `seconds` anyway: the worker of another box does not notify."""
        with suppress(asyncio.TimeoutError):  # TimeoutError since Python 3.11 only
            await asyncio.wait_for(self._changed.wait(), seconds)
        self._changed.clear()


class Changes:
    """Wakes coroutines of one event loop from any thread."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watches: defaultdict[str, set[Watch]] = defaultdict(set)
        self.is_closed = False
        """Whether the server stops, so that no request should wait."""

    def start(self) -> None:
        """Use the running loop."""
        self._loop = asyncio.get_running_loop()

    def notify(self, job_id: str) -> None:
        """Wake what waits for a job; any thread may call this."""
        if self._loop:
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._wake, job_id)

    def close(self) -> None:
        """Wake everything that waits, because the server stops; any thread, or a signal handler, may call this."""
        self.is_closed = True
        for job_id in tuple(self._watches):
            self.notify(job_id)

    @contextmanager
    def watching(self, job_id: str) -> Iterator[Watch]:
        """Note the changes of a job while the block runs."""
        watch = Watch()
        self._watches[job_id].add(watch)
        try:
            yield watch
        finally:
            self._watches[job_id].discard(watch)
            if not self._watches[job_id]:
                del self._watches[job_id]

    def _wake(self, job_id: str) -> None:
        for watch in self._watches.get(job_id, ()):
            watch.note()
