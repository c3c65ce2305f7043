"""Launch the boxes that a fleet lacks.

A second launch only adds missing boxes. It finds existing ones by the tag that RunInstances sets; while EC2 does not
show a new box yet, the client token prevents a duplicate.
"""

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from diarize_runner.errors import FleetError
from diarize_runner.fleet.aws import Aws
from diarize_runner.fleet.boxes import ACTIVE_STATES, Box, boxes_of, find_boxes, refresh_boxes
from diarize_runner.fleet.fleet_spec import FleetSpec
from diarize_runner.fleet.poll_policy import PollPolicy
from diarize_runner.progress import Progress

_TOKEN_SECONDS = 600
"""Seconds for which the same request has the same client token; far longer than EC2 takes to show a box."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LaunchPlan:
    """The existing boxes of a fleet, and how many to launch."""

    spec: FleetSpec
    active: tuple[Box, ...]
    inactive: tuple[Box, ...]
    """Boxes that EC2 still shows, but that are stopped, terminated or about to be."""

    @property
    def to_launch(self) -> int:
        """Return the number of boxes to launch."""
        return max(0, self.spec.count - len(self.active))

    @property
    def request(self) -> dict[str, object]:
        """Return the parameters of RunInstances, without the client token."""
        return self.spec.request(self.to_launch)


@dataclass(frozen=True, kw_only=True, slots=True)
class LaunchResult:
    """A fleet whose boxes are all running and healthy."""

    boxes: tuple[Box, ...]
    new: tuple[Box, ...]
    missing: int
    """The number of boxes that EC2 could not launch."""


def plan_launch(aws: Aws, spec: FleetSpec) -> LaunchPlan:
    """Return the plan; raise FleetError when EC2 would refuse the launch."""
    found = find_boxes(aws, spec.fleet)
    active = tuple(box for box in found if box.state in ACTIVE_STATES)
    inactive = tuple(box for box in found if box.state not in ACTIVE_STATES)
    plan = LaunchPlan(spec=spec, active=active, inactive=inactive)
    if plan.to_launch:
        aws.dry_run("run_instances", **plan.request)
    return plan


def launch(aws: Aws, plan: LaunchPlan, policy: PollPolicy, progress: Progress) -> LaunchResult:
    """Launch the missing boxes, and wait for the whole fleet; raise FleetError when EC2 refuses or a box stops."""
    new = _run_instances(aws, plan) if plan.to_launch else ()
    boxes = _wait_until_healthy(aws, (*plan.active, *new), policy, progress)
    return LaunchResult(boxes=boxes, new=new, missing=plan.to_launch - len(new))


def client_token(request: Mapping[str, object], seen: Iterable[str], now: float) -> str:
    """Return a token that is equal for an immediate repetition of a request, and different for a new launch.

    `seen` holds the ids of all boxes that EC2 shows of the fleet, including terminated ones; `now` is in seconds.
    For a day, EC2 responds to a known token with the boxes of the first request, even if they are terminated, so a
    later launch needs another token.
    """
    key = json.dumps([request, sorted(seen), int(now // _TOKEN_SECONDS)], sort_keys=True)
    return hashlib.sha256(key.encode()).hexdigest()


def _run_instances(aws: Aws, plan: LaunchPlan) -> tuple[Box, ...]:
    seen = [box.id for box in (*plan.active, *plan.inactive)]
    token = client_token(plan.request, seen, time.time())
    return boxes_of(aws.call("ec2", "run_instances", ClientToken=token, **plan.request), aws.region)


def _wait_until_healthy(aws: Aws, boxes: tuple[Box, ...], policy: PollPolicy, progress: Progress) -> tuple[Box, ...]:
    """Wait until every box runs and passes EC2's two status checks."""
    for attempt in range(policy.attempts):
        time.sleep(policy.interval if attempt else 0)
        current = refresh_boxes(aws, boxes)
        _require_active(current)
        healthy = _healthy_ids(aws, current)
        progress.advance("boxes starting", completed=len(healthy), total=len(boxes))
        if len(healthy) == len(boxes):
            return current
    pending = sorted({box.id for box in boxes} - healthy)
    message = f"not ready after {policy.interval * policy.attempts / 60:.0f} min: {', '.join(pending)}"
    raise FleetError(message, hint="launch again to keep waiting, or terminate")


def _require_active(boxes: tuple[Box, ...]) -> None:
    for box in boxes:
        if box.state not in ACTIVE_STATES:
            message = f"{box.id} is {box.state} rather than running: {box.state_reason or 'EC2 gives no reason'}"
            raise FleetError(message, hint="launch again to replace it")


def _healthy_ids(aws: Aws, boxes: tuple[Box, ...]) -> set[str]:
    running = [box.id for box in boxes if box.state == "running"]
    if not running:
        return set()
    statuses = aws.call("ec2", "describe_instance_status", InstanceIds=running)["InstanceStatuses"]
    checks = {
        each["InstanceId"]: (each["InstanceStatus"]["Status"], each["SystemStatus"]["Status"]) for each in statuses
    }
    return {box for box, passed in checks.items() if passed == ("ok", "ok")}
