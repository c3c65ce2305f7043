"""Retries, timeouts and range requests that the HTTP and S3 stores share."""

import logging
import re
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

from diarize_runner.digests import READ_SIZE
from diarize_runner.errors import StoreError
from diarize_runner.store.timeouts import call_with_timeout, watchdog

_log = logging.getLogger(__name__)

CHUNK = 256 << 10
"""Bytes read from a connection at a time. A connection that breaks loses the bytes of the current chunk."""
MIN_RATE = 4000
"""Slowest accepted rate of a connection, in bytes per second: four connections need 128 kbit/s."""
TRY_AGAIN = "check the network between here and the store, then run again"
_TOO_SLOW = f"{TRY_AGAIN}; if the network is that slow, run cache restore or cache wheels with a lower --min-rate"

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")

_Result = TypeVar("_Result")


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryPolicy:
    """Timeouts, in seconds, and retries of requests to a remote store."""

    connect_timeout: float = 10
    read_timeout: float = 60
    """Longest wait for the next byte."""
    chunk_timeout: float = CHUNK / MIN_RATE
    """Longest wait for the next `CHUNK` bytes."""
    response_timeout: float = 600
    """Longest wait for the headers of a response, including the internal retries of `requests` and boto3."""
    max_attempts: int = 5
    first_delay: float = 0.5
    """Seconds before the second attempt; each further delay is twice as long."""

    @classmethod
    def for_min_rate(cls, rate: float) -> "RetryPolicy":
        """Return a policy that accepts connections of at least `rate` bytes per second."""
        return cls(chunk_timeout=CHUNK / rate)

    def delays(self) -> Iterator[float]:
        """Yield the seconds to wait between attempts."""
        return (self.first_delay * 2**retries for retries in range(self.max_attempts - 1))


class TransientStoreError(StoreError):
    """A request failed and a retry may succeed: the connection broke or was too slow, or two writers collided."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RangeResponse:
    """A store's response to a range request; its body begins at the requested offset."""

    object_url: str
    """The URL of the object, for error messages."""
    total: int | None
    """Bytes of the whole object; None if the store does not say."""
    body: Generator[bytes]


RequestRange = Callable[[int, int], RangeResponse | None]
"""Called with (offset, length), length >= 1; returns None when the object ends at or before `offset`."""


def retry(attempt: Callable[[], _Result], retry_policy: RetryPolicy) -> _Result:
    """Return what `attempt` returns; repeat it on TransientStoreError, and raise the last one."""
    for delay in retry_policy.delays():
        try:
            return attempt()
        except TransientStoreError as error:  # noqa: PERF203  # a retry is a loop over attempts
            _sleep(delay, error)
    return attempt()


def _sleep(delay: float, error: TransientStoreError) -> None:
    _log.info("retrying in %.1f s: %s", delay, error.message)
    time.sleep(delay)


def request_with_timeout(request: Callable[[], _Result], object_url: str, retry_policy: RetryPolicy) -> _Result:
    """Return the response of `request`; raise StoreError when its headers do not arrive in time."""
    return call_with_timeout(request, seconds=retry_policy.response_timeout, object_url=object_url, hint=TRY_AGAIN)


def read_chunks(
    read: Callable[[], bytes],
    stop: Callable[[], None],
    object_url: str,
    retry_policy: RetryPolicy,
    transport_errors: tuple[type[Exception], ...],
) -> Generator[bytes]:
    """Yield what `read` returns until it returns nothing; after a timeout, a watchdog thread calls `stop`.

    `stop` must make a blocked `read` fail or return.

    Raises:
        TransientStoreError: a read exceeded `chunk_timeout`, or raised one of `transport_errors`.
    """
    with watchdog(retry_policy.chunk_timeout, stop) as watch:
        try:
            while chunk := watch.run(read):
                yield chunk
        except transport_errors as reason:
            if not watch.timed_out:
                broke_off = f"{object_url}: the connection broke off ({type(reason).__name__})"
                raise TransientStoreError(broke_off, hint=TRY_AGAIN) from reason
        if watch.timed_out:
            too_slow = f"{object_url}: received fewer than {CHUNK:,} bytes in {retry_policy.chunk_timeout:.3g} s"
            raise TransientStoreError(too_slow, hint=_TOO_SLOW)


def read_resuming(request: RequestRange, offset: int, length: int, retry_policy: RetryPolicy) -> Iterator[bytes]:
    """Yield `length` bytes from `offset`, or fewer if the object ends earlier; resume after a broken connection.

    An attempt that receives 1 MiB resets the attempt count: an unreliable connection succeeds in the end, a dead one
    fails. Raises the last TransientStoreError when all attempts fail.
    """
    end, delays = offset + length, retry_policy.delays()
    while response := request(offset, max(1, end - offset)):
        start = offset
        try:
            for chunk in _limit_to_range(response, offset, end):
                offset += len(chunk)
                yield chunk
        except TransientStoreError as error:
            if offset == end:
                return
            if offset - start >= READ_SIZE:
                delays = retry_policy.delays()
            if (delay := next(delays, None)) is None:
                raise
            _sleep(delay, error)
        else:
            return


def _limit_to_range(response: RangeResponse, offset: int, end: int) -> Iterator[bytes]:
    """Yield the body from `offset` to `end` and drop bytes beyond; raise TransientStoreError when it ends early."""
    remaining = (end if response.total is None else min(end, response.total)) - offset
    with closing(response.body):
        for chunk in response.body:
            yield chunk[:remaining]
            remaining -= len(chunk)
            if remaining < 0:
                return
    if remaining > 0:
        raise TransientStoreError(
            f"{response.object_url}: the response ended {remaining:,} bytes early", hint=TRY_AGAIN
        )


def parse_object_size(content_range: str, offset: int) -> int | None:
    """Return the object's size from a Content-Range header (RFC 9110 section 14.4), or None if it is unknown.

    Raises:
        ValueError: the header is malformed, or its range does not begin at `offset`.
    """
    found = _CONTENT_RANGE.fullmatch(content_range)
    if not found or int(found[1]) != offset:
        raise ValueError(f"Content-Range does not begin at {offset}: {content_range!r}")
    last, total = int(found[2]), None if found[3] == "*" else int(found[3])
    if last < offset or (total is not None and last >= total):
        raise ValueError(f"invalid Content-Range: {content_range!r}")
    return total
