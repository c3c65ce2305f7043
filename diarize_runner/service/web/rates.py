"""How many requests a minute, and how many uploads at a time."""

import math
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from diarize_runner.service.web.problems import TOO_MANY_REQUESTS, TOO_MANY_UPLOADS, Problem

_UPLOAD_RETRY_SECONDS: Final = "5"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rates:
    """Requests within the last minute, of each client."""

    per_minute: int
    _limiter: MovingWindowRateLimiter = field(
        init=False, default_factory=lambda: MovingWindowRateLimiter(MemoryStorage())
    )

    def count(self, client: str) -> None:
        """Count a request. Raises Problem if the client has sent too many."""
        item = RateLimitItemPerMinute(self.per_minute)
        if self._limiter.hit(item, client):
            return
        seconds = self._limiter.get_window_stats(item, client).reset_time - time.time()
        wait = max(1, math.ceil(seconds))
        raise Problem(
            TOO_MANY_REQUESTS,
            f"more than {self.per_minute} requests a minute",
            hint=f"wait {wait} seconds; to follow a job, wait for its events instead of asking again and again",
            headers={"Retry-After": str(wait)},
        )


@dataclass(kw_only=True, slots=True)
class OpenRequests:
    """The requests of each client that are not answered in full: uploads, what waits for a result, streams of events.

    Each takes a descriptor, a look at the queue each second, and perhaps a recording that waits to be decoded.
    """

    at_a_time: int
    _open: Counter[str] = field(init=False, default_factory=Counter)

    @contextmanager
    def counted(self, client: str) -> Iterator[None]:
        """Count a request while the block runs. Raises Problem if too many of the client are open."""
        if self._open[client] >= self.at_a_time:
            raise Problem(
                TOO_MANY_REQUESTS,
                f"{self.at_a_time} requests are not answered yet",
                hint="send it again when one of them has ended",
                headers={"Retry-After": _UPLOAD_RETRY_SECONDS},
            )
        self._open[client] += 1
        try:
            yield
        finally:
            self._open[client] -= 1
            if not self._open[client]:
                del self._open[client]


@dataclass(kw_only=True, slots=True)
class UploadSlot:
    """The place of an upload; `release` may be called twice."""

    uploads: "Uploads"
    owner: str
    _held: bool = field(init=False, default=True)

    def release(self) -> None:
        """Let another upload begin."""
        if self._held:
            self._held = False
            self.uploads.leave(self.owner)


@dataclass(kw_only=True, slots=True)
class Uploads:
    """The uploads that are running."""

    at_a_time: int
    per_key: int
    _running: Counter[str] = field(init=False, default_factory=Counter)

    def take(self, owner: str) -> UploadSlot:
        """Return a slot. `owner` is empty without keys; then only the bound of all uploads holds.

        Raises:
            Problem: too many uploads are running.
        """
        if self.running() >= self.at_a_time:
            raise too_many_uploads(f"{self.at_a_time} uploads are running")
        if owner and self._running[owner] >= self.per_key:
            raise too_many_uploads(f"{self.per_key} uploads of this key are running")
        self._running[owner] += 1
        return UploadSlot(uploads=self, owner=owner)

    def leave(self, owner: str) -> None:
        """Count one upload of the owner less."""
        self._running[owner] -= 1
        if not self._running[owner]:
            del self._running[owner]

    def running(self) -> int:
        """Return the number of uploads that are running."""
        return sum(self._running.values())


def too_many_uploads(detail: str) -> Problem:
    """Return the problem of an upload that must come later."""
    return Problem(
        TOO_MANY_UPLOADS,
        detail,
        hint="send it again when one of them has ended",
        headers={"Retry-After": _UPLOAD_RETRY_SECONDS},
    )
