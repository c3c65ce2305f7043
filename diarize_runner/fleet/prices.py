"""The current price of a box, from the AWS API only."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal

from diarize_runner.errors import FleetError
from diarize_runner.fleet.aws import Aws, Response

_CURRENCY = "USD"
_LINUX = {
    "operatingSystem": "Linux",
    "preInstalledSw": "NA",
    "tenancy": "Shared",
    "capacitystatus": "Used",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """The price of one running box, without its volume, traffic and public address."""

    usd_per_hour: Decimal
    source: str
    """The API and the date of the price."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UnknownPrice:
    """The AWS API has no price, or not a single one."""

    reason: str


def on_demand_price(aws: Aws, instance_type: str) -> Price | UnknownPrice:
    """Return the price of an instance type in the region, from the AWS Price List."""
    fields = {"instanceType": instance_type, "regionCode": aws.region, **_LINUX}
    filters = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in fields.items()]
    try:
        response = aws.call("pricing", "get_products", ServiceCode="AmazonEC2", Filters=filters)
    except FleetError as error:
        return UnknownPrice(reason=error.message)
    products = [json.loads(product) for product in response["PriceList"]]
    prices = {price for product in products for price in _hourly_prices(product)}
    if len(prices) != 1:
        return UnknownPrice(reason=f"the AWS Price List has {len(prices)} prices for a {instance_type} in {aws.region}")
    published = max(product["publicationDate"] for product in products)
    return Price(usd_per_hour=prices.pop(), source=f"the AWS Price List for {aws.region}, published {published}")


def spot_price(aws: Aws, instance_type: str, zone: str) -> Price | UnknownPrice:
    """Return the latest spot price of an instance type in a zone; it changes while boxes run."""
    try:
        response = aws.call(
            "ec2",
            "describe_spot_price_history",
            InstanceTypes=[instance_type],
            ProductDescriptions=["Linux/UNIX", "Linux/UNIX (Amazon VPC)"],
            AvailabilityZone=zone,
            StartTime=datetime.now(timezone.utc),
        )
    except FleetError as error:
        return UnknownPrice(reason=error.message)
    return _newest(response["SpotPriceHistory"], instance_type, zone)


def _newest(history: Iterable[Response], instance_type: str, zone: str) -> Price | UnknownPrice:
    newest = max(history, key=lambda each: each["Timestamp"], default=None)
    if not newest:
        return UnknownPrice(reason=f"there is no spot price for a {instance_type} in {zone}")
    since = newest["Timestamp"].astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Price(usd_per_hour=Decimal(newest["SpotPrice"]), source=f"the spot price history of {zone}, since {since}")


def _hourly_prices(product: Response) -> Iterator[Decimal]:
    for term in product.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term["priceDimensions"].values():
            price = Decimal(dimension["pricePerUnit"].get(_CURRENCY, 0))
            if dimension["unit"] == "Hrs" and price:
                yield price
