"""Lists what the course has made in the account: everything of EC2 and RDS with its tag."""

from collections.abc import Iterator
from typing import Any

import boto3

from helpers.existing import COURSE
from helpers.tables import MISSING, Table, look_up

# In the order in which they are deleted: the later ones hold the earlier ones.
# what: (describe call, the list in its answer, the id, the state)
EC2 = {
    "EC2 instance": ("describe_instances", "Reservations", "InstanceId", "State.Name"),
    "key pair": ("describe_key_pairs", "KeyPairs", "KeyPairId", ""),
    "security group": ("describe_security_groups", "SecurityGroups", "GroupId", ""),
    "route table": ("describe_route_tables", "RouteTables", "RouteTableId", ""),
    "internet gateway": (
        "describe_internet_gateways",
        "InternetGateways",
        "InternetGatewayId",
        "Attachments.0.State",
    ),
    "subnet": ("describe_subnets", "Subnets", "SubnetId", "State"),
    "VPC": ("describe_vpcs", "Vpcs", "VpcId", "State"),
}
KINDS = ("DB instance", "DB cluster", "DB subnet group", *EC2)


class Inventory(Table):
    """The things of the course; one row each, with the columns what, name, id and state."""

    def per_kind(self) -> Table:
        """How many there are of each kind, with the columns what and left; 0 is shown too."""
        counts = self["what"].value_counts()
        return Table({"what": KINDS, "left": [int(counts.get(kind, 0)) for kind in KINDS]})


def inventory() -> Inventory:
    """Ask AWS for everything of Lab 1 that has the course's tag, in the client's region.

    Terminated EC2 instances are left out: AWS shows them for about an hour, and they are nothing.
    RDS calls things by their names only, so their id is empty.
    """
    rows = [*_of_rds(boto3.client("rds")), *_of_ec2(boto3.client("ec2"))]
    return Inventory(rows, columns=["what", "name", "id", "state"])


def _of_rds(rds: Any) -> Iterator[tuple[str, str, str, str]]:
    for db in _listed(rds, "describe_db_instances", "DBInstances"):
        if COURSE in db.get("TagList", []):
            yield "DB instance", db["DBInstanceIdentifier"], "", db["DBInstanceStatus"]
    for cluster in _listed(rds, "describe_db_clusters", "DBClusters"):
        if COURSE in cluster.get("TagList", []):
            yield "DB cluster", cluster["DBClusterIdentifier"], "", cluster["Status"]
    for group in _listed(rds, "describe_db_subnet_groups", "DBSubnetGroups"):
        tags = rds.list_tags_for_resource(ResourceName=group["DBSubnetGroupArn"])["TagList"]
        if COURSE in tags:
            yield "DB subnet group", group["DBSubnetGroupName"], "", group["SubnetGroupStatus"]


def _of_ec2(ec2: Any) -> Iterator[tuple[str, str, str, str]]:
    with_our_tag = [{"Name": f"tag:{COURSE['Key']}", "Values": [COURSE["Value"]]}]
    for what, (operation, key, id_key, state) in EC2.items():
        found = _listed(ec2, operation, key, Filters=with_our_tag)
        if key == "Reservations":
            found = [instance for reservation in found for instance in reservation["Instances"]]
        for each in found:
            in_words = _text(each, state) if state else ""
            if in_words != "terminated":
                yield what, _text(each, "Tags.Name"), each[id_key], in_words


def _listed(client: Any, operation: str, key: str, **arguments: Any) -> list[dict[str, Any]]:
    if client.can_paginate(operation):
        return client.get_paginator(operation).paginate(**arguments).build_full_result()[key]
    return getattr(client, operation)(**arguments)[key]


def _text(resource: dict[str, Any], path: str) -> str:
    value = look_up(resource, path)
    return "" if value is MISSING else str(value)
