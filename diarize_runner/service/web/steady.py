"""Refuse a body that comes too slowly: it would keep others from uploading."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from anyio import fail_after
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

_TIMEOUT: Final = 408
_CLOSE: Final = {"Connection": "close"}
"""The rest of the body is not read, so no other request can follow it."""


@dataclass(kw_only=True, slots=True)
class SteadyBody:
    """The body of a request; all of it comes within `grace` seconds and a second for each `rate` bytes."""

    receive: Receive
    rate: int
    grace: float
    clock: Callable[[], float] = time.monotonic
    _began: float = field(init=False)
    _bytes: int = field(init=False, default=0)
    _is_complete: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        """Begin to count now."""
        self._began = self.clock()

    async def receive_in_time(self) -> Message:
        """Receive a message of the body; after the last one, wait for the client to leave, without a limit.

        Raises:
            HTTPException: the body comes too slowly. FastAPI passes this one on while it reads a form.
        """
        if self._is_complete:
            return await self.receive()
        try:
            with fail_after(self._seconds_left()):
                message = await self.receive()
        except TimeoutError:
            detail = f"the body came more slowly than {self.rate} bytes a second"
            raise HTTPException(_TIMEOUT, detail, _CLOSE) from None
        self._bytes += len(message.get("body", b""))
        self._is_complete = not message.get("more_body", False)
        return message

    def _seconds_left(self) -> float:
        return max(0.0, self._began + self.grace + self._bytes / self.rate - self.clock())
