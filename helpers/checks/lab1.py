"""What is checked on the pages of Lab 1."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import paramiko

from helpers._rules import sources
from helpers.checks import Item, checks_of
from helpers.database import engine
from helpers.diagnosis import doctor
from helpers.errors import CourseError
from helpers.existing import find
from helpers.faults import settings
from helpers.keys import key_file, password
from helpers.network import Account, can_reach, describe_account, is_public
from helpers.resources import KINDS, inventory
from helpers.session import my_address
from helpers.shared_calls import shared
from helpers.ssh_tunnel import tunnel


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
    yield from _doors(account, vpc_id)


def _doors(account: Account, vpc_id: str | None) -> Iterator[Item]:
    groups = {g["GroupName"]: g for g in account.security_groups if g["VpcId"] == vpc_id}
    bastion, database = groups.get("bookstore-bastion"), groups.get("bookstore-database")
    yield Item(
        "SSH from your address, and from nowhere else, into bookstore-bastion",
        bastion is not None and sources(bastion, 22) == {f"{my_address()}/32"},
        "One inbound rule: port 22 from your address/32. Page 1.1, step 5.",
    )
    yield Item(
        "MySQL from the bastion's group, and from nowhere else, into bookstore-database",
        bastion is not None
        and database is not None
        and sources(database, 3306) == {bastion["GroupId"]},
        "One inbound rule: port 3306 from the group bookstore-bastion. Page 1.1, step 6.",
    )


@checks_of("1.2")
def the_bastion() -> Iterator[Item]:
    """A key pair whose private key is here, and a bastion that only its owner reaches."""
    account, me = _account(), my_address()
    pem, pair = key_file("bookstore"), _key_pair("bookstore")
    yield Item("A key pair named bookstore", pair is not None, "Create it: page 1.2, step 1.")
    yield Item(
        "Its private key in the file, which only you may read",
        pair is not None and _is_private_key_of(pair, pem),
        f"{pem} is missing, readable by others, or of another pair: page 1.2, step 1, tells how "
        "to replace a lost key.",
    )
    bastion_id = find("instance", "bookstore-bastion")
    bastion: dict[str, Any] = next(
        (i for i in account.instances if i["InstanceId"] == bastion_id),
        {"InstanceId": "bookstore-bastion", "State": {"Name": "missing"}},
    )
    subnets = [s for s in account.subnets if s["SubnetId"] == bastion.get("SubnetId")]
    state = bastion["State"]["Name"]
    yield Item(
        "An instance named bookstore-bastion, running, with this key pair",
        state == "running" and bastion.get("KeyName") == "bookstore",
        f"It is {state}, its key pair {bastion.get('KeyName', 'none')}: page 1.2, step 3.",
    )
    yield Item(
        "In a public subnet, with a public address",
        any(is_public(account, s) for s in subnets) and bool(bastion.get("PublicIpAddress")),
        "AssociatePublicIpAddress=True, in bookstore-public. Terminate it: page 1.2, step 3.",
    )
    groups = {g["GroupName"] for g in bastion.get("SecurityGroups", [])}
    yield Item(
        "The security group bookstore-bastion, and no other, around it",
        groups == {"bookstore-bastion"},
        "ec2.modify_instance_attribute(InstanceId=..., Groups=[...]), or anew: page 1.2, step 3.",
    )
    way = can_reach(account, me, bastion["InstanceId"], 22)
    yield Item("SSH from your address gets through", way.allowed, f"{way.reason}.")
    worn = [g["GroupId"] for g in bastion.get("SecurityGroups", [])]
    rules = _inbound(account, worn)
    yield Item(
        "Nothing else gets in: no other port, no other source",
        bool(rules) and all(rule == ("tcp", 22, 22, f"{me}/32") for rule in rules),
        "Revoke every inbound rule but port 22 from your address/32: page 1.1, step 5.",
    )


def _key_pair(name: str) -> dict | None:
    named = [{"Name": "key-name", "Values": [name]}]
    found = boto3.client("ec2").describe_key_pairs(Filters=named, IncludePublicKey=True)
    return next(iter(found["KeyPairs"]), None)


def _is_private_key_of(pair: dict, pem: Path) -> bool:
    """Whether the file holds the private half of that key pair, and others cannot read it."""
    # Windows has no such modes.
    if not pem.is_file() or (os.name == "posix" and pem.stat().st_mode & 0o077):
        return False
    try:
        public = paramiko.RSAKey.from_private_key_file(str(pem)).get_base64()
    except (paramiko.SSHException, ValueError):
        return False
    return public == pair["PublicKey"].split()[1]


def _inbound(account: Account, group_ids: list[str]) -> list[tuple[str, int, int, str]]:
    """What those security groups let in: (protocol, first port, last port, source)."""
    return [
        (rule["IpProtocol"], rule.get("FromPort", 0), rule.get("ToPort", 65535), source)
        for group in account.security_groups
        if group["GroupId"] in group_ids
        for rule in group["IpPermissions"]
        for source in (
            *(r["CidrIp"] for r in rule["IpRanges"]),
            *(r["CidrIpv6"] for r in rule["Ipv6Ranges"]),
            *(r["PrefixListId"] for r in rule["PrefixListIds"]),
            *(p["GroupId"] for p in rule["UserIdGroupPairs"]),
        )
    ]


@checks_of("1.3")
def the_cluster() -> Iterator[Item]:
    """An available cluster with a writer and a reader, apart, private, behind one group."""
    account = _account()
    cluster = _cluster(account)
    of_cluster = [d for d in account.db_instances if d.get("DBClusterIdentifier") == "bookstore"]
    running = {d["DBInstanceIdentifier"]: d for d in of_cluster if _is_available(d)}
    roles = {m["DBInstanceIdentifier"]: m["IsClusterWriter"] for m in cluster["DBClusterMembers"]}
    writers = [running[name] for name, writes in roles.items() if writes and name in running]
    readers = [running[name] for name, writes in roles.items() if not writes and name in running]
    yield Item(
        "A DB cluster named bookstore, available",
        cluster["Status"] == "available",
        f"It is {cluster['Status']}: page 1.3, step 2.",
    )
    yield Item(
        "A writer and a reader, both available",
        bool(writers and readers),
        f"Writers: {len(writers)}, readers: {len(readers)}. Page 1.3, steps 3 and 4.",
    )
    yield Item(
        "The reader in another availability zone than the writer",
        bool(writers)
        and any(r["AvailabilityZone"] != writers[0]["AvailabilityZone"] for r in readers),
        "Name another AvailabilityZone for the reader: page 1.3, step 4.",
    )
    yield Item(
        "No instance with a public address",
        bool(of_cluster) and not any(d["PubliclyAccessible"] for d in of_cluster),
        "Create them with PubliclyAccessible=False: page 1.3, steps 3 and 4.",
    )
    group = find("security-group", "bookstore-database")
    worn = {g["VpcSecurityGroupId"] for d in of_cluster for g in d["VpcSecurityGroups"]}
    yield Item(
        "The security group bookstore-database, and no other, on all of them",
        group is not None and worn == {group},
        "rds.modify_db_cluster(..., VpcSecurityGroupIds=[that group]): page 1.3, step 2.",
    )


def _cluster(account: Account) -> dict[str, Any]:
    """The cluster bookstore as RDS describes it; without one, a cluster that is missing."""
    missing = {"Status": "missing", "DBClusterMembers": []}
    named = (c for c in account.db_clusters if c["DBClusterIdentifier"] == "bookstore")
    return next(named, missing)


def _is_available(db_instance: dict) -> bool:
    return db_instance["DBInstanceStatus"] == "available"


@checks_of("1.4")
def the_connection() -> Iterator[Item]:
    """The way to the writer: you to the bastion, the bastion to it, and a login that works."""
    account, bastion = _account(), find("instance", "bookstore-bastion")
    cluster = _cluster(account)
    writer = next(
        (m["DBInstanceIdentifier"] for m in cluster["DBClusterMembers"] if m["IsClusterWriter"]), ""
    )
    to_bastion = can_reach(account, my_address(), bastion or "bookstore-bastion", 22)
    to_writer = can_reach(account, bastion or "bookstore-bastion", writer or "bookstore-1", 3306)
    yield Item(
        "You reach the bastion on port 22", to_bastion.allowed, f"{to_bastion.reason}: page 1.2."
    )
    yield Item(
        "The bastion reaches the writer on port 3306",
        to_writer.allowed,
        f"{to_writer.reason}: page 1.3.",
    )
    why_not = "First the way must be open: see above."
    if bastion and to_bastion and to_writer:
        why_not = _login_fails(bastion, cluster["Endpoint"])
    yield Item("A login as admin, through a tunnel, with the kept password", not why_not, why_not)


def _login_fails(bastion: str, endpoint: str) -> str:
    """Why nobody can log in through a tunnel with what this course keeps; "" if one can."""
    try:
        with shared(tunnel, bastion, key_file("bookstore"), endpoint) as way:
            engine(way, "admin", password("bookstore"), "bookstore")
    except CourseError as error:
        return str(error)
    return ""


@checks_of("1.8")
def nothing_broken() -> Iterator[Item]:
    """The whole way is open, to you and to nobody else, and the program's settings lead there."""
    try:
        seen = doctor(**settings())
    except CourseError as error:  # there is no cluster
        yield Item("A way to the database", False, str(error))
        return
    yield Item(
        "The way to the database is open, as the settings file has it",
        seen.healthy,
        f"Broken at the hop “{seen.broken}”: {seen.finding}. Page 1.8: {seen.to_do}",
    )
    yield from _doors(_account(), find("vpc", "bookstore"))


@checks_of("1.9")
def nothing_left() -> Iterator[Item]:
    """Nothing with the course's tag in EC2 and RDS."""
    left = inventory()
    for kind in KINDS:
        these = left[left["what"] == kind]
        called = [name or its_id for name, its_id in zip(these["name"], these["id"], strict=True)]
        yield Item(
            f"No {kind}",
            not called,
            f"Left: {', '.join(called)}. Page 1.9 deletes it; run its cells from the top.",
        )
