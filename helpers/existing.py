"""Lets a page run twice: finds what is there already, and keeps it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.exceptions import ClientError

THERE_ALREADY = ("AlreadyExists", "AlreadyAssociated", "Duplicate", "ResourceInUse")
COURSE = {"Key": "course", "Value": "aws-databases"}

# The describe call for a kind of EC2 resource, the list in its answer, and the id in that.
KINDS = {
    "vpc": ("describe_vpcs", "Vpcs", "VpcId"),
    "subnet": ("describe_subnets", "Subnets", "SubnetId"),
    "internet-gateway": ("describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
    "route-table": ("describe_route_tables", "RouteTables", "RouteTableId"),
    "security-group": ("describe_security_groups", "SecurityGroups", "GroupId"),
    "instance": ("describe_instances", "Reservations", "InstanceId"),
}


def find(kind: str, name: str) -> str | None:
    """The id of the EC2 resource of this course with that Name tag.

    Args:
        kind: "vpc", "subnet", "internet-gateway", "route-table", "security-group", "instance".
        name: the value of its Name tag.

    Returns:
        Its id; None if there is none. Terminated instances do not count.
    """
    call, listed, id_key = KINDS[kind]
    filters = [
        {"Name": "tag:Name", "Values": [name]},
        {"Name": f"tag:{COURSE['Key']}", "Values": [COURSE["Value"]]},
    ]
    if kind == "instance":
        alive = ["pending", "running", "stopping", "stopped"]
        filters.append({"Name": "instance-state-name", "Values": alive})
    found = getattr(boto3.client("ec2"), call)(Filters=filters)[listed]
    if kind == "instance":
        found = [instance for reservation in found for instance in reservation["Instances"]]
    return found[0][id_key] if found else None


def tagged(kind: str, name: str) -> list[dict[str, Any]]:
    """The `TagSpecifications` that give a new EC2 resource its name and the course's tag.

    Args:
        kind: such as "vpc"; what is being created.
        name: becomes the tag Name, which the console shows.
    """
    return [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}, COURSE]}]


@contextmanager
def keep_existing() -> Iterator[None]:
    """Go on where AWS says that the thing to create is there already.

    Every other error passes. What is kept is whatever has that name: it is not changed.
    """
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if not any(word in code for word in THERE_ALREADY):
            raise
        print(f"There already, kept as it is ({code}).")  # noqa: T201
