"""`scripts/launch_box.py launch --plan`: every parameter, and the price."""

import yaml

from diarize_runner.cli.output import Result
from diarize_runner.fleet.aws import Aws
from diarize_runner.fleet.launch import LaunchPlan
from diarize_runner.fleet.prices import NoPrice, Price, on_demand_price, spot_price
from diarize_runner.fleet.subnets import zone_of

_HOURS = 24


def planned(aws: Aws, plan: LaunchPlan) -> Result:
    """Return the plan for programs and for people; raise FleetError when there is no such subnet."""
    zone = zone_of(aws, plan.order.subnet)
    price = _price(aws, plan, zone)
    document: dict[str, object] = {
        "changed": bool(plan.lacking),
        "fleet": plan.order.fleet,
        "boxes": [box.id for box in plan.started],
        "to_launch": plan.lacking,
        "zone": zone,
        "image": plan.order.image.name,
        "request": plan.request if plan.lacking else None,
        "price": _price_document(price, plan),
    }
    return Result(document=document, text=_text(plan, zone, price))


def _price(aws: Aws, plan: LaunchPlan, zone: str) -> Price | NoPrice:
    if plan.order.market == "spot":
        return spot_price(aws, plan.order.instance_type, zone)
    return on_demand_price(aws, plan.order.instance_type)


def _price_document(price: Price | NoPrice, plan: LaunchPlan) -> dict[str, object]:
    if isinstance(price, NoPrice):
        return {"unknown": price.why}
    per_hour = price.usd_per_hour * plan.order.count
    return {
        "usd_per_box_hour": float(price.usd_per_hour),
        "usd_per_hour": float(per_hour),
        "usd_per_24_hours": float(per_hour * _HOURS),
        "source": price.source,
    }


def _text(plan: LaunchPlan, zone: str, price: Price | NoPrice) -> tuple[str, ...]:
    head = f"{plan.order.fleet}: boxes there: {len(plan.started)}, to be launched in {zone}: {plan.lacking}"
    return (head, *_parameters(plan), *_price_text(price, plan))


def _parameters(plan: LaunchPlan) -> tuple[str, ...]:
    if not plan.lacking:
        return ()
    listed: str = yaml.dump(plan.request, Dumper=_Readable, sort_keys=False, width=float("inf"))
    return ("", f"image {plan.order.image.name}", *listed.split("\n"))


class _Readable(yaml.SafeDumper):
    """Writes a text of several lines as it is."""

    def represent_scalar(self, tag: str, value: str, style: str | None = None) -> yaml.ScalarNode:
        return super().represent_scalar(tag, value, style="|" if "\n" in value else style)


def _price_text(price: Price | NoPrice, plan: LaunchPlan) -> tuple[str, ...]:
    if isinstance(price, NoPrice):
        return (f"price: not known, {price.why}",)
    fleet = price.usd_per_hour * plan.order.count
    said = (
        f"price: {price.usd_per_hour.normalize():f} USD an hour for a box; for the {plan.order.count} of the fleet "
        f"{fleet.normalize():f} USD an hour, {fleet * _HOURS:.2f} USD in 24 hours. "
        "Volumes, traffic and public addresses come on top."
    )
    return said, f"This is from {price.source}."
