"""Lists what Lab 1 has made in the account: everything of EC2 and RDS with the course's tag."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

import boto3

from helpers.existing import COURSE
from helpers.tables import MISSING, Table, look_up

TAGGED = {"Name": f"tag:{COURSE['Key']}", "Values": [COURSE["Value"]]}
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
# Of these, `describe` does not tell the tags.
# what: (describe call, the list in its answer, the name, the ARN, the state)
TAGGED_APART = {
    "cluster parameter group": (
        "describe_db_cluster_parameter_groups",
        "DBClusterParameterGroups",
        "DBClusterParameterGroupName",
        "DBClusterParameterGroupArn",
        "",
    ),
    "parameter group": (
        "describe_db_parameter_groups",
        "DBParameterGroups",
        "DBParameterGroupName",
        "DBParameterGroupArn",
        "",
    ),
    "DB subnet group": (
        "describe_db_subnet_groups",
        "DBSubnetGroups",
        "DBSubnetGroupName",
        "DBSubnetGroupArn",
        "SubnetGroupStatus",
    ),
}
KINDS = (
    "DB instance",
    "DB cluster",
    "cluster snapshot",
    "cluster parameter group",
    "parameter group",
    "DB subnet group",
    "secret",
    *EC2,
)
# Of what cannot bear a tag or has lost it (a backup, a final snapshot), the name begins so.
OUR_NAMES = COURSE["Value"]


class Inventory(Table):
    """Things of the course; one row each, with the columns what, name, state and one more."""

    @classmethod
    def of(cls, rows: Iterable[Sequence[str]], columns: list[str], kinds: Sequence[str]) -> Self:
        """Make one.

        Args:
            rows: one for each thing.
            columns: the headings; "what" is the kind of thing.
            kinds: all that were looked for, in the order in which they are deleted.
        """
        table = cls(list(rows), columns=columns)
        table.attrs["kinds"] = tuple(kinds)
        return table

    def per_kind(self) -> Table:
        """How many there are of each kind, with the columns what and left; 0 is shown too."""
        counts, kinds = self["what"].value_counts(), self.attrs["kinds"]
        return Table({"what": kinds, "left": [int(counts.get(kind, 0)) for kind in kinds]})


def inventory() -> Inventory:
    """Ask AWS for everything of Lab 1 that has the course's tag, in the client's region.

    Terminated EC2 instances are left out: AWS shows them for about an hour, and they are nothing.
    RDS calls things by their names only, so their id is empty. A cluster snapshot also counts if
    its name begins with the tag's value: AWS makes the last one of a cluster without tags.
    """
    found: dict[str, list[tuple[str, str, str, str]]] = {what: [] for what in KINDS}
    rows = (*_of_rds(boto3.client("rds")), *_of_secrets(), *_of_ec2(boto3.client("ec2")))
    for row in rows:
        found[row[0]].append(row)
    in_order = (row for rows in found.values() for row in rows)
    return Inventory.of(in_order, ["what", "name", "id", "state"], KINDS)


def listed(client: Any, operation: str, key: str, **arguments: Any) -> list[dict[str, Any]]:
    """All pages of a describe or list call.

    Args:
        client: a boto3 client.
        operation: its method, such as "describe_vpcs".
        key: the list in its answer.
        arguments: of the call.
    """
    if client.can_paginate(operation):
        return (
            client.get_paginator(operation).paginate(**arguments).build_full_result().get(key, [])
        )
    return getattr(client, operation)(**arguments)[key]


def of_course(
    things: Iterable[dict[str, Any]], name: str | None = None
) -> Iterator[dict[str, Any]]:
    """Those of RDS that are the course's: by their `TagList`, or by their name.

    Args:
        things: as a describe call gives them.
        name: the field with the name; None where the name does not count.
    """
    for thing in things:
        if COURSE in thing.get("TagList", []) or (name and thing[name].startswith(OUR_NAMES)):
            yield thing


def instances(ec2: Any) -> Iterator[dict[str, Any]]:
    """The EC2 instances with the course's tag, but for the terminated ones."""
    for reservation in listed(ec2, "describe_instances", "Reservations", Filters=[TAGGED]):
        for instance in reservation["Instances"]:
            if instance["State"]["Name"] != "terminated":
                yield instance


def secrets() -> Iterator[dict[str, Any]]:
    """The secrets of Secrets Manager with the course's tag."""
    client = boto3.client("secretsmanager")
    with_the_key = [{"Key": "tag-key", "Values": [COURSE["Key"]]}]
    for secret in listed(client, "list_secrets", "SecretList", Filters=with_the_key):
        if COURSE in secret.get("Tags", []):
            yield secret


def _of_rds(rds: Any) -> Iterator[tuple[str, str, str, str]]:
    for db in of_course(listed(rds, "describe_db_instances", "DBInstances")):
        yield "DB instance", db["DBInstanceIdentifier"], "", db["DBInstanceStatus"]
    for cluster in of_course(listed(rds, "describe_db_clusters", "DBClusters")):
        yield "DB cluster", cluster["DBClusterIdentifier"], "", cluster["Status"]
    name = "DBClusterSnapshotIdentifier"
    copies = listed(
        rds, "describe_db_cluster_snapshots", "DBClusterSnapshots", SnapshotType="manual"
    )
    for copy in of_course(copies, name):
        yield "cluster snapshot", copy[name], "", copy["Status"]
    for what, (operation, key, name, arn, state) in TAGGED_APART.items():
        for thing in listed(rds, operation, key):
            if thing[name].startswith("default"):
                continue  # AWS's own, which nobody can tag or delete
            if COURSE in rds.list_tags_for_resource(ResourceName=thing[arn])["TagList"]:
                yield what, thing[name], "", thing.get(state, "")


def _of_secrets() -> Iterator[tuple[str, str, str, str]]:
    for secret in secrets():
        yield "secret", secret["Name"], "", ""


def _of_ec2(ec2: Any) -> Iterator[tuple[str, str, str, str]]:
    for what, (operation, key, id_key, state) in EC2.items():
        things = (
            instances(ec2)
            if what == "EC2 instance"
            else listed(ec2, operation, key, Filters=[TAGGED])
        )
        for each in things:
            yield what, _text(each, "Tags.Name"), each[id_key], _text(each, state) if state else ""


def _text(resource: dict[str, Any], path: str) -> str:
    value = look_up(resource, path)
    return "" if value is MISSING else str(value)
