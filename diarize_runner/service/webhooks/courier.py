"""Send the requests that are due, and again after a failure."""

import logging
import threading
from collections.abc import Callable
from typing import Final, Protocol

from diarize_runner.errors import DiarizeRunnerError
from diarize_runner.service.queue.deliveries import Deliveries, DeliveryClaim
from diarize_runner.service.webhooks.sender import DeliveryFailed, ReceiverGone

_WAITS: Final = (60.0, 300.0, 1800.0, 7200.0)
"""Seconds after each failure but the last one."""
_POLL_SECONDS: Final = 2.0

_log = logging.getLogger(__name__)


class Sends(Protocol):
    """What sends a request: `Sender`."""

    def send(self, delivery: DeliveryClaim) -> None:
        """Send it. Raises DeliveryFailed."""


class Courier:
    """Sends one request after the other; `run` is the body of a thread."""

    def __init__(self, deliveries: Deliveries, sender: Sends, clock: Callable[[], float]) -> None:
        """`clock` returns the seconds since 1970."""
        self._deliveries, self._sender, self._clock = deliveries, sender, clock

    def run(self, stop: threading.Event) -> None:
        """Send what is due until `stop` is set. An error of the queue is logged."""
        while not stop.is_set():
            try:
                while not stop.is_set() and self.send_next():
                    pass
            except DiarizeRunnerError as error:
                _log.error("webhooks are not sent: %s", error.message)
            stop.wait(_POLL_SECONDS)

    def send_next(self) -> bool:
        """Send the request that is due first; return whether there was one. Raises QueueError."""
        delivery = self._deliveries.claim()
        if delivery is None:
            return False
        try:
            self._sender.send(delivery)
        except DeliveryFailed as error:
            self._note_failure(delivery, error)
        else:
            _log.info("job %s: the webhook is delivered", delivery.job.id)
            self._deliveries.end(delivery)
        return True

    def _note_failure(self, delivery: DeliveryClaim, error: DeliveryFailed) -> None:
        if isinstance(error, ReceiverGone) or delivery.attempts > len(_WAITS):
            _log.error("job %s: the webhook is given up: %s", delivery.job.id, error.message)
            self._deliveries.end(delivery)
            return
        wait = _WAITS[delivery.attempts - 1]
        _log.warning("job %s: the webhook is sent again in %.0f s: %s", delivery.job.id, wait, error.message)
        self._deliveries.postpone(delivery, self._clock() + wait)
