"""What a box costs, as AWS says today. Where AWS does not say, nobody here does."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal

from diarize_runner.errors import FleetError
from diarize_runner.fleet.aws import Answer, Aws

_CURRENCY = "USD"
_LINUX = {
    "operatingSystem": "Linux",
    "preInstalledSw": "NA",
    "tenancy": "Shared",
    "capacitystatus": "Used",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """What one box costs while it runs, without its volume, traffic and public address."""

    usd_per_hour: Decimal
    source: str
    """Who says so, and as of when."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NoPrice:
    """Nobody says what a box costs."""

    why: str


def on_demand_price(aws: Aws, instance_type: str) -> Price | NoPrice:
    """Return the price of a type in the region, by the AWS Price List."""
    wanted = {"instanceType": instance_type, "regionCode": aws.region, **_LINUX}
    filters = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in wanted.items()]
    try:
        answer = aws.ask("pricing", "get_products", ServiceCode="AmazonEC2", Filters=filters)
    except FleetError as error:
        return NoPrice(why=error.message)
    products = [json.loads(product) for product in answer["PriceList"]]
    prices = {price for product in products for price in _hourly_prices(product)}
    if len(prices) != 1:
        return NoPrice(why=f"the AWS Price List has {len(prices)} prices for a {instance_type} in {aws.region}")
    published = max(product["publicationDate"] for product in products)
    return Price(usd_per_hour=prices.pop(), source=f"the AWS Price List for {aws.region}, published {published}")


def spot_price(aws: Aws, instance_type: str, zone: str) -> Price | NoPrice:
    """Return the last spot price of a type in a zone; it changes while boxes run."""
    try:
        answer = aws.ask(
            "ec2",
            "describe_spot_price_history",
            InstanceTypes=[instance_type],
            ProductDescriptions=["Linux/UNIX", "Linux/UNIX (Amazon VPC)"],
            AvailabilityZone=zone,
            StartTime=datetime.now(timezone.utc),
        )
    except FleetError as error:
        return NoPrice(why=error.message)
    return _newest(answer["SpotPriceHistory"], instance_type, zone)


def _newest(history: Iterable[Answer], instance_type: str, zone: str) -> Price | NoPrice:
    newest = max(history, key=lambda each: each["Timestamp"], default=None)
    if not newest:
        return NoPrice(why=f"there is no spot price for a {instance_type} in {zone}")
    since = newest["Timestamp"].astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Price(usd_per_hour=Decimal(newest["SpotPrice"]), source=f"the spot price history of {zone}, since {since}")


def _hourly_prices(product: Answer) -> Iterator[Decimal]:
    for term in product.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term["priceDimensions"].values():
            price = Decimal(dimension["pricePerUnit"].get(_CURRENCY, 0))
            if dimension["unit"] == "Hrs" and price:
                yield price
