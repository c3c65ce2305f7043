"""A fleet brought up to the boxes that were ordered.

Run again, it launches what is lacking and nothing else. Boxes are known by their tag, which is part of the request that
makes them; for the seconds in which EC2 does not show a new box yet, the request's client token stands in.
"""

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from diarize_runner.errors import FleetError
from diarize_runner.fleet.aws import Aws
from diarize_runner.fleet.boxes import STARTED, Box, boxes_of, find_boxes, look_again
from diarize_runner.fleet.order import Order
from diarize_runner.fleet.pace import Pace
from diarize_runner.progress import Progress

_SAME_LAUNCH = 600
"""Seconds within which the same request is taken for a repetition: far more than it takes EC2 to show a box."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LaunchPlan:
    """What is there of a fleet, and what is lacking."""

    order: Order
    started: tuple[Box, ...]
    ended: tuple[Box, ...]
    """What EC2 still shows of boxes that are no more, or not to be used."""

    @property
    def lacking(self) -> int:
        """How many boxes are to be launched."""
        return max(0, self.order.count - len(self.started))

    @property
    def request(self) -> dict[str, object]:
        """The parameters of RunInstances, but for the client token."""
        return self.order.request(self.lacking)


@dataclass(frozen=True, kw_only=True, slots=True)
class Launched:
    """A fleet, every box of it running and well."""

    boxes: tuple[Box, ...]
    new: tuple[Box, ...]
    missing: int
    """How many EC2 could not launch."""


def plan_launch(aws: Aws, order: Order) -> LaunchPlan:
    """Return what is to be launched; raise FleetError when EC2 would refuse."""
    found = find_boxes(aws, order.fleet)
    started = tuple(box for box in found if box.state in STARTED)
    ended = tuple(box for box in found if box.state not in STARTED)
    plan = LaunchPlan(order=order, started=started, ended=ended)
    if plan.lacking:
        aws.rehearse("run_instances", **plan.request)
    return plan


def launch(aws: Aws, plan: LaunchPlan, pace: Pace, progress: Progress) -> Launched:
    """Launch what is lacking, and wait for all of the fleet; raise FleetError when EC2 refuses or a box ends."""
    new = _run(aws, plan) if plan.lacking else ()
    boxes = _wait(aws, (*plan.started, *new), pace, progress)
    return Launched(boxes=boxes, new=new, missing=plan.lacking - len(new))


def client_token(request: Mapping[str, object], seen: Iterable[str], now: float) -> str:
    """Return a token that is the same for a request that is repeated at once, and another for a new launch.

    `seen` are the ids of all boxes that EC2 shows of the fleet, terminated ones too, and `now` is a time in seconds.
    For a day, EC2 answers a token it knows with the boxes it made for it, even when they were terminated since: so a
    fleet that is launched again after that needs another token than before.
    """
    told = json.dumps([request, sorted(seen), int(now // _SAME_LAUNCH)], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def _run(aws: Aws, plan: LaunchPlan) -> tuple[Box, ...]:
    seen = [box.id for box in (*plan.started, *plan.ended)]
    token = client_token(plan.request, seen, time.time())
    return boxes_of(aws.ask("ec2", "run_instances", ClientToken=token, **plan.request), aws.region)


def _wait(aws: Aws, boxes: tuple[Box, ...], pace: Pace, progress: Progress) -> tuple[Box, ...]:
    """Wait until every box runs and passes EC2's two status checks."""
    for again in range(pace.looks):
        time.sleep(pace.pause if again else 0)
        now = look_again(aws, boxes)
        _refuse_ended(now)
        well = _well(aws, now)
        progress.advance("boxes starting", completed=len(well), total=len(boxes))
        if len(well) == len(boxes):
            return now
    lacking = sorted({box.id for box in boxes} - well)
    message = f"not ready after {pace.pause * pace.looks / 60:.0f} min: {', '.join(lacking)}"
    raise FleetError(message, hint="launch again to wait on, or terminate")


def _refuse_ended(boxes: tuple[Box, ...]) -> None:
    for box in boxes:
        if box.state not in STARTED:
            message = f"{box.id} is {box.state} rather than running: {box.state_reason or 'EC2 does not say why'}"
            raise FleetError(message, hint="launch again for another in its place")


def _well(aws: Aws, boxes: tuple[Box, ...]) -> set[str]:
    running = [box.id for box in boxes if box.state == "running"]
    if not running:
        return set()
    statuses = aws.ask("ec2", "describe_instance_status", InstanceIds=running)["InstanceStatuses"]
    checks = {
        each["InstanceId"]: (each["InstanceStatus"]["Status"], each["SystemStatus"]["Status"]) for each in statuses
    }
    return {box for box, passed in checks.items() if passed == ("ok", "ok")}
