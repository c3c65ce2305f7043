"""`scripts/launch_box.py launch --plan`: the request, and its price."""

import yaml

from diarize_runner.cli.output import Result
from diarize_runner.fleet.aws import Aws
from diarize_runner.fleet.launch import LaunchPlan
from diarize_runner.fleet.prices import Price, UnknownPrice, on_demand_price, spot_price
from diarize_runner.fleet.subnets import zone_of

_HOURS = 24


def plan_result(aws: Aws, plan: LaunchPlan) -> Result:
    """Return the plan as JSON and as text; raise FleetError when the subnet does not exist."""
    zone = zone_of(aws, plan.spec.subnet)
    price = _price(aws, plan, zone)
    document: dict[str, object] = {
        "changed": bool(plan.to_launch),
        "fleet": plan.spec.fleet,
        "boxes": [box.id for box in plan.active],
        "to_launch": plan.to_launch,
        "zone": zone,
        "image": plan.spec.image.name,
        "request": plan.request if plan.to_launch else None,
        "price": _price_document(price, plan),
    }
    return Result(document=document, text=(), data="".join(f"{line}\n" for line in _lines(plan, zone, price)))


def _price(aws: Aws, plan: LaunchPlan, zone: str) -> Price | UnknownPrice:
    if plan.spec.market == "spot":
        return spot_price(aws, plan.spec.instance_type, zone)
    return on_demand_price(aws, plan.spec.instance_type)


def _price_document(price: Price | UnknownPrice, plan: LaunchPlan) -> dict[str, object]:
    if isinstance(price, UnknownPrice):
        return {"unknown": price.reason}
    per_hour = price.usd_per_hour * plan.spec.count
    return {
        "usd_per_box_hour": float(price.usd_per_hour),
        "usd_per_hour": float(per_hour),
        "usd_per_24_hours": float(per_hour * _HOURS),
        "source": price.source,
    }


def _lines(plan: LaunchPlan, zone: str, price: Price | UnknownPrice) -> tuple[str, ...]:
    head = f"{plan.spec.fleet}: existing boxes: {len(plan.active)}, to launch in {zone}: {plan.to_launch}"
    return (head, *_parameters(plan), *_price_text(price, plan))


def _parameters(plan: LaunchPlan) -> tuple[str, ...]:
    if not plan.to_launch:
        return ()
    request: str = yaml.dump(plan.request, Dumper=_BlockDumper, sort_keys=False, width=float("inf"))
    return ("", f"image {plan.spec.image.name}", *request.split("\n"))


class _BlockDumper(yaml.SafeDumper):
    """Writes multi-line strings as literal blocks."""

    def represent_scalar(self, tag: str, value: str, style: str | None = None) -> yaml.ScalarNode:
        return super().represent_scalar(tag, value, style="|" if "\n" in value else style)


def _price_text(price: Price | UnknownPrice, plan: LaunchPlan) -> tuple[str, ...]:
    if isinstance(price, UnknownPrice):
        return (f"price: unknown, {price.reason}",)
    fleet = price.usd_per_hour * plan.spec.count
    text = (
        f"price: {price.usd_per_hour.normalize():f} USD an hour per box; {fleet.normalize():f} USD an hour and "
        f"{fleet * _HOURS:.2f} USD in 24 hours for a fleet of {plan.spec.count}. "
        "Volumes, traffic and public addresses cost extra."
    )
    return text, f"Source: {price.source}."
