"""A check that requests share while it runs: probes need no key, so anyone may ask at any rate."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool


@dataclass(kw_only=True, slots=True)
class SharedCheck:
    """Takes one thread, and one connection to the queue, however many requests ask."""

    _running: "asyncio.Future[None] | None" = field(init=False, default=None)

    async def run(self, check: Callable[[], None]) -> None:
        """Run the check in a thread, or wait for the one that runs; raise what it raises."""
        if self._running is None:
            self._running = asyncio.ensure_future(run_in_threadpool(check))
            self._running.add_done_callback(self._forget)
        await asyncio.shield(self._running)  # a client that leaves does not end the check of others

    def _forget(self, ended: "asyncio.Future[None]") -> None:
        self._running = None
        if not ended.cancelled():
            ended.exception()  # asyncio logs an exception that no code has read
