"""Tell the requests that wait for a job of its changes."""

import asyncio
from collections import defaultdict
from contextlib import suppress


class Changes:
    """Wakes coroutines of one event loop from any thread."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def start(self) -> None:
        """Use the running loop."""
        self._loop = asyncio.get_running_loop()

    def notify(self, job_id: str) -> None:
        """Wake what waits for a job; any thread may call this."""
        if self._loop:
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._wake, job_id)

    async def wait(self, job_id: str, seconds: float) -> None:
        """Wait for a change of the job. Returns after `seconds` anyway: the worker of another box does not notify."""
        changed = asyncio.Event()
        self._waiting[job_id].add(changed)
        try:
            await asyncio.wait_for(changed.wait(), seconds)
        except asyncio.TimeoutError:  # TimeoutError since Python 3.11 only
            return
        finally:
            self._waiting[job_id].discard(changed)
            if not self._waiting[job_id]:
                del self._waiting[job_id]

    def _wake(self, job_id: str) -> None:
        for event in self._waiting.get(job_id, ()):
            event.set()
