"""The webhooks of jobs: added with the job, due when it has ended, claimed by one box at a time."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine, delete, insert, or_, select, update

from diarize_runner.service.queue.database import reading, writing
from diarize_runner.service.queue.job import FINAL_STATES, Job
from diarize_runner.service.queue.table import DELIVERIES, JOBS, to_job

_LEASE_SECONDS: Final = 120.0
"""Longer than a request takes."""
_ID_BYTES: Final = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryClaim:
    """A request to send; no other box sends it until the lease expires."""

    id: str
    """The same at each attempt, so that a receiver can tell repetitions."""
    url: str
    attempts: int
    """With this one."""
    lease: str
    job: Job
    """It has ended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Deliveries:
    """The webhooks that are not delivered yet. Each method is one transaction, and raises QueueError."""

    engine: Engine
    clock: Callable[[], float] = time.time

    def claim(self) -> DeliveryClaim | None:
        """Claim the delivery that is due first, or return None."""
        now, lease = self.clock(), secrets.token_hex(_ID_BYTES)
        is_free = or_(DELIVERIES.c.lease_until.is_(None), DELIVERIES.c.lease_until < now)
        ended = JOBS.c.state.in_(FINAL_STATES)
        due = select(DELIVERIES.c.id).join(JOBS, JOBS.c.id == DELIVERIES.c.job)
        due = due.where(ended, is_free, DELIVERIES.c.due_at <= now).order_by(DELIVERIES.c.due_at).limit(1)
        with reading(self.engine) as connection:
            if connection.scalar(due) is None:  # most looks find nothing, and need not write
                return None
        held = {"lease": lease, "lease_until": now + _LEASE_SECONDS, "attempts": DELIVERIES.c.attempts + 1}
        with writing(self.engine) as connection:
            found = connection.scalar(due.with_for_update(skip_locked=True, of=DELIVERIES))
            if found is None:
                return None
            connection.execute(update(DELIVERIES).where(DELIVERIES.c.id == found).values(held))
            return _claim(connection, found)

    def end(self, delivery: DeliveryClaim) -> None:
        """Remove a delivery that the receiver has, or that is given up."""
        with writing(self.engine) as connection:
            connection.execute(delete(DELIVERIES).where(DELIVERIES.c.id == delivery.id))

    def postpone(self, delivery: DeliveryClaim, due_at: float) -> None:
        """Let a delivery be due later, unless another box claimed it meanwhile."""
        held = DELIVERIES.c.id == delivery.id, DELIVERIES.c.lease == delivery.lease
        with writing(self.engine) as connection:
            connection.execute(update(DELIVERIES).where(*held).values(due_at=due_at, lease=None, lease_until=None))


def add_delivery(connection: Connection, job_id: str, url: str) -> None:
    """Add the delivery of a job, in the transaction that adds the job."""
    delivery_id = f"msg_{secrets.token_hex(_ID_BYTES)}"
    connection.execute(insert(DELIVERIES).values(id=delivery_id, job=job_id, url=url))


def remove_delivery(connection: Connection, job_id: str) -> None:
    """Remove the delivery of a job, in the transaction that removes the job."""
    connection.execute(delete(DELIVERIES).where(DELIVERIES.c.job == job_id))


def _claim(connection: Connection, delivery_id: str) -> DeliveryClaim:
    found = connection.execute(select(DELIVERIES).where(DELIVERIES.c.id == delivery_id)).mappings().one()
    job = connection.execute(select(JOBS).where(JOBS.c.id == found["job"])).mappings().one()
    return DeliveryClaim(
        id=found["id"], url=found["url"], attempts=found["attempts"], lease=found["lease"], job=to_job(job)
    )
