"""What is checked on the pages of Lab 1."""

from collections.abc import Iterator

import boto3

from helpers.checks import Item, checks_of
from helpers.existing import find
from helpers.network import Account, describe_account, is_public
from helpers.session import my_address


def _account() -> Account:
    return describe_account(boto3.client("ec2"), boto3.client("rds"))


@checks_of("1.1")
def the_network() -> Iterator[Item]:
    """A VPC with a public and two private subnets, and the two security groups."""
    account, vpc_id = _account(), find("vpc", "bookstore")
    subnets = [s for s in account.subnets if s["VpcId"] == vpc_id]
    public = [s for s in subnets if is_public(account, s)]
    zones = {s["AvailabilityZone"] for s in subnets if s not in public}
    yield Item("A VPC named bookstore", vpc_id is not None, "Create it: page 1.1, step 1.")
    yield Item(
        "Private subnets in two availability zones",
        len(zones) >= 2,
        f"There are {len(zones)} zones with one: page 1.1, step 2.",
    )
    yield Item(
        "A public subnet: its routes lead to an internet gateway",
        bool(public),
        "Attach a gateway and add a route to it: page 1.1, steps 3 and 4.",
    )
    groups = {g["GroupName"]: g for g in account.security_groups if g["VpcId"] == vpc_id}
    bastion, database = groups.get("bookstore-bastion"), groups.get("bookstore-database")
    yield Item(
        "SSH from your address, and from nowhere else, into bookstore-bastion",
        bastion is not None and _sources(bastion, 22) == {f"{my_address()}/32"},
        "One inbound rule: port 22 from your address/32. Page 1.1, step 5.",
    )
    yield Item(
        "MySQL from the bastion's group, and from nowhere else, into bookstore-database",
        bool(bastion and database) and _sources(database, 3306) == {bastion["GroupId"]},
        "One inbound rule: port 3306 from the group bookstore-bastion. Page 1.1, step 6.",
    )


def _sources(group: dict, port: int) -> set[str]:
    """Who a security group lets in on that port: address ranges and group ids."""
    rules = [
        rule
        for rule in group["IpPermissions"]
        if rule["IpProtocol"] == "-1" or rule.get("FromPort", 0) <= port <= rule.get("ToPort", -1)
    ]
    return {
        source
        for rule in rules
        for source in (
            *(r["CidrIp"] for r in rule["IpRanges"]),
            *(r["CidrIpv6"] for r in rule["Ipv6Ranges"]),
            *(p["GroupId"] for p in rule["UserIdGroupPairs"]),
        )
    }
