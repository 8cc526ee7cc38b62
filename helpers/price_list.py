"""What AWS charges for one of a thing: from its price list, or from `data/prices.csv`."""

import csv
import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from helpers.errors import CourseError
from helpers.session import project, target

FILE = "prices.csv"
LIVE = "AWS Price List"
# How many single ones are in the unit of the file, where AWS's price list counts single ones.
IN_ONE = {"million units": 1_000_000, "million requests": 1_000_000}
# The price list answers from three regions only, for all of them.
# https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html
LIST_REGION = "us-east-1"
IMPATIENT = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 1})
# Why the price list does not answer; it is asked no more then, so that nobody waits twice.
_no_answer: list[str] = []


@dataclass(frozen=True)
class Price:
    """What one of a thing costs.

    Attributes:
        usd: for one `unit`.
        unit: such as "hour", "GB-month" or "million units".
        source: "AWS Price List", or the file with the region and the month it is of.
    """

    usd: float
    unit: str
    source: str


def price(key: str) -> Price:
    """What AWS charges, before tax and without its free tier.

    On AWS the price list is asked, for the region in which you work. Where that fails (you may not
    ask, it does not answer, it has no such price) and in the sandbox, the file has the price.

    Args:
        key: of `data/prices.csv`, such as "db.t3.medium" or "dynamodb-read".

    Raises:
        CourseError: if the file has no such key.
    """
    rows = _file()
    if key not in rows:
        raise CourseError(f"data/{FILE} has no price {key!r}. It has: {', '.join(rows)}.")
    row, region = rows[key], boto3.Session().region_name or LIST_REGION
    if target() == "aws":
        live = _live(key, region)
        if live is not None:
            return Price(live * IN_ONE.get(row["unit"], 1), row["unit"], LIVE)
    where = f"{FILE}, {row['region']}, {row['as_of'][:7]}"
    return Price(float(row["usd"]), row["unit"], where)


def known(key: str) -> bool:
    """Whether the file has that key; an unusual instance class, for instance, it has not."""
    return key in _file()


def capacity_cost(*, reads: float = 0, writes: float = 0) -> float:
    """What capacity units cost on demand, in USD.

    Args:
        reads: read units, as `ConsumedCapacity` gives them.
        writes: write units.

    See https://aws.amazon.com/dynamodb/pricing/on-demand/.
    """
    millions = IN_ONE["million units"]
    return (reads * price("dynamodb-read").usd + writes * price("dynamodb-write").usd) / millions


@cache
def _file() -> dict[str, dict[str, str]]:
    text = (project() / "data" / FILE).read_text(encoding="utf-8")
    return {row["key"]: row for row in csv.DictReader(text.splitlines())}


@cache
def _live(key: str, region: str) -> float | None:
    """What the price list says of one single unit; None if it does not say."""
    if _no_answer:
        return None
    row = _file()[key]
    attributes = {"regionCode": region} | dict([row["only"].split("=")] if row["only"] else [])
    filters = [
        {"Type": "EQUALS", "Field": name, "Value": value} for name, value in attributes.items()
    ]
    filters.append({"Type": "CONTAINS", "Field": "usagetype", "Value": row["usage_type"]})
    try:
        pages = (
            boto3.client("pricing", region_name=LIST_REGION, config=IMPATIENT)
            .get_paginator("get_products")
            .paginate(ServiceCode=row["service_code"], Filters=filters)
        )
        products = [json.loads(each) for page in pages for each in page["PriceList"]]
    except (BotoCoreError, ClientError) as error:
        _no_answer.append(str(error))
        return None
    found = {
        usd
        for product in products
        if _is(product["product"]["attributes"].get("usagetype", ""), row["usage_type"], region)
        for usd in _first_paid_tier(product)
    }
    # Two prices for one thing: the file is clearer than a guess.
    return found.pop() if len(found) == 1 else None


def _is(usage_type: str, wanted: str, region: str) -> bool:
    """Whether a usage type is the wanted one: EUC1-BoxUsage:t3.micro, in eu-central-1.

    The region's short name stands before it; for us-east-1 nothing, or USE1. So there
    IA-TimedStorage-ByteHrs is another thing, and not TimedStorage-ByteHrs of a region IA.
    """
    if region == LIST_REGION:
        return usage_type in (wanted, f"USE1-{wanted}")
    prefix, _, rest = usage_type.partition("-")
    return prefix.isalnum() and rest == wanted


def _first_paid_tier(product: dict[str, Any]) -> list[float]:
    """The price on demand of one unit: the first that is not 0, which the free tier is."""
    tiers = [
        (float(dimension.get("beginRange", 0)), float(dimension["pricePerUnit"]["USD"]))
        for term in product.get("terms", {}).get("OnDemand", {}).values()
        for dimension in term["priceDimensions"].values()
        if "USD" in dimension["pricePerUnit"]
    ]
    return [usd for _, usd in sorted(tiers) if usd > 0][:1]
