"""May A reach B on port p, and if not, what stops it: read from what the describe calls return.

It follows a connection as AWS does: public address, internet gateway, route table, network ACLs,
security groups. Nothing here calls AWS. Sources: the VPC User Guide ("Route priority", "Network
ACL rules", "Ephemeral ports", "Security group rules") and the Aurora User Guide ("Viewing DB
instance status", "Aurora endpoint connections", "Hiding a DB cluster in a VPC").

Left out, as the course has none of it: prefix lists in rules and routes (ignored: such a rule lets
nobody in), peering and transit gateways (another VPC is never reached), IPv6 inside a VPC.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

from helpers._rules import (
    GROUP_INBOUND,
    INBOUND,
    OUTBOUND,
    Hop,
    Network,
    Resource,
    Traffic,
    check_network_acl,
    check_route,
    check_security_group,
    is_active,
    name_of,
    single_address,
)

__all__ = [
    "Account",
    "Hop",
    "Verdict",
    "can_reach",
    "describe_account",
    "gateway_of",
    "is_public",
    "name_of",
    "resolve",
    "route_table_of",
    "subnet_of_db",
]

# A DB instance in one of these states does not answer, whatever the network says.
DB_DOWN = frozenset(
    {"creating", "deleting", "failed", "rebooting", "starting", "stopped", "stopping"}
    | {"inaccessible-encryption-credentials", "incompatible-network", "incompatible-parameters"}
    | {"incompatible-restore", "restore-error", "storage-full"}
)
# The client's end of a connection: replies go back to one of these ports.
EPHEMERAL = (1024, 65535)


@dataclass(frozen=True)
class Account:
    """What the account holds: lists of dicts in the shape the boto3 describe calls return."""

    vpcs: list[Resource] = field(default_factory=list)
    subnets: list[Resource] = field(default_factory=list)
    route_tables: list[Resource] = field(default_factory=list)
    internet_gateways: list[Resource] = field(default_factory=list)
    network_acls: list[Resource] = field(default_factory=list)
    security_groups: list[Resource] = field(default_factory=list)
    instances: list[Resource] = field(default_factory=list)
    db_instances: list[Resource] = field(default_factory=list)
    db_clusters: list[Resource] = field(default_factory=list)


@dataclass(frozen=True)
class Verdict:
    """The answer. `hops` ends with the one that blocks, as the connection does."""

    allowed: bool
    reason: str
    hops: tuple[Hop, ...]
    blocked_at: Hop | None

    def __bool__(self) -> bool:
        """True when the connection gets through."""
        return self.allowed


@dataclass(frozen=True)
class _Machine:
    """An EC2 or DB instance, reduced to what the network sees of it."""

    name: str
    state: str
    up: bool
    vpc_id: str
    subnet: Resource | None
    private: Network | None  # of a DB instance, whose address AWS does not show: its subnet
    public: tuple[str, ...]  # IP versions it can be reached by from the internet: "4", "6"
    groups: tuple[str, ...]  # security group ids


def can_reach(
    account: Account, source: str, destination: str, port: int, protocol: str = "tcp"
) -> Verdict:
    """Whether a connection from `source` to `port` of `destination` gets through.

    Replies must be let through by the network ACLs to every ephemeral port (1024-65535), since the
    client picks any of them; security groups are stateful and let replies through by themselves.

    Args:
        account: what the describe calls returned; no network ACLs means AWS's default, allow all.
        source: an internet address such as "203.0.113.25", or an EC2 instance id.
        destination: an EC2 instance id or a DB instance identifier.
        port: the port connected to, such as 22 or 3306.
        protocol: "tcp" or "udp".

    Returns:
        A Verdict, true or false, with every check in the order the connection meets them.
    """
    hops = []
    for hop in _hops(account, source, destination, port, protocol):
        hops.append(hop)
        if not hop.allowed:
            return Verdict(False, hop.because, tuple(hops), hop)
    rule = next(hop.because for hop in hops if hop.what == GROUP_INBOUND)
    return Verdict(True, f"{destination} answers on port {port}: {rule}", tuple(hops), None)


def resolve(account: Account, host: str) -> list[str]:
    """The DB instances that an RDS endpoint name leads to now.

    Args:
        account: what the describe calls returned.
        host: a writer, reader or instance endpoint, in upper or lower case.

    Returns:
        DB instance identifiers. The writer endpoint leads to the writer; the reader endpoint to
        the readers that are up, and to the writer while there are none. [] means no such name.
    """
    name = host.rstrip(".").lower()
    if not name:  # what is still being created has no name either
        return []
    databases = {db["DBInstanceIdentifier"]: db for db in account.db_instances}
    for db_id, db in databases.items():
        if db.get("Endpoint", {}).get("Address", "").lower() == name:
            return [db_id]
    for cluster in account.db_clusters:
        members = [
            (member["DBInstanceIdentifier"], member["IsClusterWriter"])
            for member in cluster.get("DBClusterMembers", [])
            if member["DBInstanceIdentifier"] in databases
        ]
        writer = [db_id for db_id, is_writer in members if is_writer]
        readers = [db_id for db_id, is_writer in members if not is_writer]
        if cluster.get("Endpoint", "").lower() == name:
            return writer
        if cluster.get("ReaderEndpoint", "").lower() == name:
            return [r for r in readers if databases[r]["DBInstanceStatus"] not in DB_DOWN] or writer
    return []


def gateway_of(account: Account, vpc_id: str) -> Resource | None:
    """The internet gateway attached to a VPC."""
    for gateway in account.internet_gateways:
        if any(attached["VpcId"] == vpc_id for attached in gateway.get("Attachments", [])):
            return gateway
    return None


def route_table_of(account: Account, subnet: Resource) -> Resource | None:
    """The route table of a subnet: the one associated with it, else its VPC's main one."""
    main = None
    for table in account.route_tables:
        for association in table.get("Associations", []):
            if association.get("SubnetId") == subnet["SubnetId"]:
                return table
            if association.get("Main") and table["VpcId"] == subnet["VpcId"]:
                main = table
    return main


def is_public(account: Account, subnet: Resource) -> bool:
    """Whether a subnet is public: it has an active route to its VPC's internet gateway."""
    gateway = gateway_of(account, subnet["VpcId"])
    routes = (route_table_of(account, subnet) or {}).get("Routes", [])
    return gateway is not None and any(
        route.get("GatewayId") == gateway["InternetGatewayId"] and is_active(route)
        for route in routes
    )


def subnet_of_db(account: Account, db: Resource) -> Resource | None:
    """The subnet a DB instance is in: the one of its DB subnet group that is in its zone."""
    ids = {s["SubnetIdentifier"] for s in db.get("DBSubnetGroup", {}).get("Subnets", [])}
    for subnet in account.subnets:
        in_zone = subnet["AvailabilityZone"] == db.get("AvailabilityZone")
        if in_zone and subnet["SubnetId"] in ids:
            return subnet
    return None


def _hops(
    account: Account, source: str, destination: str, port: int, protocol: str
) -> Iterator[Hop]:
    """Every check in order; the caller stops at the first that blocks."""
    address = single_address(source)
    sender = None if address else _ec2_instance(account, source)
    if not address:
        yield _exists("source", source, "EC2 instance", sender)
        yield from _up("source", sender)
    target = _ec2_instance(account, destination) or _db_instance(account, destination)
    yield _exists("destination", destination, "EC2 or DB instance", target)
    yield from _up("destination", target)
    if target and address:
        yield from _from_internet(account, address, target, port, protocol)
    elif target and sender:
        yield from _inside_vpc(account, sender, target, port, protocol)


def _exists(role: str, wanted: str, kind: str, found: _Machine | None) -> Hop:
    missing = f"there is no {kind} {wanted} in this account and region"
    return Hop(f"{role} exists", found is not None, f"{found.name} exists" if found else missing)


def _up(role: str, machine: _Machine | None) -> Iterator[Hop]:
    if machine:
        silent = "" if machine.up else ", so it does not answer"
        yield Hop(f"{role} is up", machine.up, f"{machine.name} is {machine.state}{silent}")
        place = name_of(machine.subnet, "SubnetId") if machine.subnet else "no known subnet"
        yield Hop(f"{role} is in a subnet", bool(machine.subnet), f"{machine.name} is in {place}")


def _from_internet(
    account: Account, address: Network, target: _Machine, port: int, protocol: str
) -> Iterator[Hop]:
    subnet = target.subnet or {}
    you = str(address.network_address)
    request = Traffic(protocol, (port, port), you, address)
    reply = Traffic(protocol, EPHEMERAL, you, address)
    reachable = str(address.version) in target.public
    has = "has a" if reachable else "has no"
    because = f"{target.name} {has} public IPv{address.version} address"
    yield Hop("public address", reachable, because)
    gateway = gateway_of(account, target.vpc_id)
    attached = name_of(gateway, "InternetGatewayId") if gateway else "no internet gateway"
    yield Hop("internet gateway", gateway is not None, f"{attached} is attached to {target.vpc_id}")
    yield check_route(route_table_of(account, subnet), subnet, address, gateway or {})
    yield _acl(account, subnet, INBOUND, request, "network ACL, inbound")
    yield _group(account, target, INBOUND, request)
    yield _acl(account, subnet, OUTBOUND, reply, "network ACL, reply")


def _inside_vpc(
    account: Account, sender: _Machine, target: _Machine, port: int, protocol: str
) -> Iterator[Hop]:
    here, there = sender.subnet or {}, target.subnet or {}
    ports = (port, port)
    to_target = Traffic(protocol, ports, target.name, target.private, target.groups)
    from_sender = Traffic(protocol, ports, sender.name, sender.private, sender.groups)
    from_target = Traffic(protocol, EPHEMERAL, target.name, target.private)
    to_sender = Traffic(protocol, EPHEMERAL, sender.name, sender.private)
    same = sender.vpc_id == target.vpc_id
    vpcs = f"both in {sender.vpc_id}" if same else f"in {sender.vpc_id} and in {target.vpc_id}"
    yield Hop("same VPC", same, f"{sender.name} and {target.name} are {vpcs}")
    yield _group(account, sender, OUTBOUND, to_target)
    # A network ACL stands at the border of a subnet: inside one subnet nothing crosses it.
    crosses = here.get("SubnetId") != there.get("SubnetId")
    if crosses:
        yield _acl(account, here, OUTBOUND, to_target, "network ACL of source, outbound")
        what = "network ACL of destination, inbound"
        yield _acl(account, there, INBOUND, from_sender, what)
    yield _group(account, target, INBOUND, from_sender)
    if crosses:
        what = "network ACL of destination, reply"
        yield _acl(account, there, OUTBOUND, to_sender, what)
        yield _acl(account, here, INBOUND, from_target, "network ACL of source, reply")


def _group(account: Account, machine: _Machine, direction: str, traffic: Traffic) -> Hop:
    known = {group["GroupId"]: group for group in account.security_groups}
    return check_security_group(known, machine.name, machine.groups, direction, traffic)


def _acl(account: Account, subnet: Resource, direction: str, traffic: Traffic, what: str) -> Hop:
    return check_network_acl(_acl_of(account, subnet), subnet, direction, traffic, what)


def _acl_of(account: Account, subnet: Resource) -> Resource | None:
    default = None
    for acl in account.network_acls:
        if any(a.get("SubnetId") == subnet["SubnetId"] for a in acl.get("Associations", [])):
            return acl
        if acl.get("IsDefault") and acl["VpcId"] == subnet["VpcId"]:
            default = acl
    return default


def _ec2_instance(account: Account, instance_id: str) -> _Machine | None:
    for instance in account.instances:
        if instance["InstanceId"] == instance_id:
            break
    else:
        return None
    state = instance["State"]["Name"]
    interfaces = instance.get("NetworkInterfaces", [])
    # An instance launched with its own network interface may list its groups only there.
    groups = instance.get("SecurityGroups") or [g for i in interfaces for g in i.get("Groups", [])]
    subnets = (s for s in account.subnets if s["SubnetId"] == instance.get("SubnetId"))
    ipv6 = any(i.get("Ipv6Addresses") for i in interfaces)
    public = ("4",) * bool(instance.get("PublicIpAddress")) + ("6",) * ipv6
    return _Machine(
        name=name_of(instance, "InstanceId"),
        state=state,
        up=state == "running",
        vpc_id=instance.get("VpcId", ""),
        subnet=next(subnets, None),
        private=single_address(instance.get("PrivateIpAddress", "")),
        public=public,
        groups=tuple(group["GroupId"] for group in groups),
    )


def _db_instance(account: Account, identifier: str) -> _Machine | None:
    for db in account.db_instances:
        if db["DBInstanceIdentifier"] == identifier:
            break
    else:
        return None
    subnet = subnet_of_db(account, db)
    return _Machine(
        name=identifier,
        state=db["DBInstanceStatus"],
        up=db["DBInstanceStatus"] not in DB_DOWN,
        vpc_id=db.get("DBSubnetGroup", {}).get("VpcId", ""),
        subnet=subnet,
        private=ip_network(subnet["CidrBlock"]) if subnet else None,
        public=("4",) if db.get("PubliclyAccessible") else (),
        groups=tuple(group["VpcSecurityGroupId"] for group in db.get("VpcSecurityGroups", [])),
    )


def describe_account(ec2: Any, rds: Any) -> Account:
    """Ask AWS for all that decides who reaches whom, in one region.

    Args:
        ec2: a boto3 client for EC2.
        rds: a boto3 client for RDS.

    Returns:
        What the describe calls return, all pages of it.
    """

    def listed(client: Any, operation: str, key: str) -> list[dict[str, Any]]:
        return client.get_paginator(operation).paginate().build_full_result()[key]

    reservations = listed(ec2, "describe_instances", "Reservations")
    return Account(
        vpcs=listed(ec2, "describe_vpcs", "Vpcs"),
        subnets=listed(ec2, "describe_subnets", "Subnets"),
        route_tables=listed(ec2, "describe_route_tables", "RouteTables"),
        internet_gateways=listed(ec2, "describe_internet_gateways", "InternetGateways"),
        network_acls=listed(ec2, "describe_network_acls", "NetworkAcls"),
        security_groups=listed(ec2, "describe_security_groups", "SecurityGroups"),
        instances=[i for r in reservations for i in r["Instances"]],
        db_instances=listed(rds, "describe_db_instances", "DBInstances"),
        db_clusters=listed(rds, "describe_db_clusters", "DBClusters"),
    )
