"""What one route table, network ACL or security group says about one connection.

Each check returns a Hop: allowed or not, and because of which rule. helpers.network asks them in
the order a connection meets them. CIDR blocks and ids are those of the boto3 describe calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

Resource = dict[str, Any]
Network = IPv4Network | IPv6Network
PROTOCOL_NUMBERS = {"tcp": "6", "udp": "17"}
INBOUND, OUTBOUND = "inbound", "outbound"
GROUP_INBOUND = f"security group, {INBOUND}"


@dataclass(frozen=True)
class Hop:
    """One thing that was checked on the way, and why the connection passed it or did not."""

    what: str
    allowed: bool
    because: str


@dataclass(frozen=True)
class Traffic:
    """What a rule is matched against: the far end, and the ports it uses (first, last)."""

    protocol: str
    ports: tuple[int, int]
    name: str
    network: Network | None
    groups: tuple[str, ...] = ()


def name_of(resource: Resource, id_key: str) -> str:
    """A resource as a person knows it: "sg-0a1 (bookstore-database)"; only the id if unnamed."""
    tags = {tag["Key"]: tag["Value"] for tag in resource.get("Tags", [])}
    name = resource.get("GroupName") or tags.get("Name")
    return f"{resource[id_key]} ({name})" if name else resource[id_key]


def check_route(
    table: Resource | None, subnet: Resource, address: Network, gateway: Resource
) -> Hop:
    """The most specific route to `address` decides, even when it leads nowhere (a blackhole)."""
    what = "route to the internet"
    if table is None:
        because = f"{name_of(subnet, 'SubnetId')} has no route table"
        return Hop(what, False, because)
    where = f"{name_of(table, 'RouteTableId')} of {name_of(subnet, 'SubnetId')}"
    best: tuple[int, Resource] | None = None
    for route in table.get("Routes", []):
        cidr = route.get("DestinationCidrBlock") or route.get("DestinationIpv6CidrBlock")
        if _covers(cidr, address) and (
            not best or ip_network(cidr, strict=False).prefixlen > best[0]
        ):
            best = ip_network(cidr, strict=False).prefixlen, route
    if best and best[1].get("GatewayId") == gateway["InternetGatewayId"] and is_active(best[1]):
        return Hop(what, True, f"{where} leads to {gateway['InternetGatewayId']}")
    missing = f"{where} has no active route for {address.network_address} to an internet gateway"
    return Hop(what, False, missing)


def check_network_acl(
    acl: Resource | None, subnet: Resource, direction: str, traffic: Traffic, what: str
) -> Hop:
    """Rules in the order of their numbers, the first that matches decides, no match = deny."""
    if acl is None:
        return Hop(what, True, "the default network ACL allows all")
    egress = direction == OUTBOUND
    entries = sorted(
        (e for e in acl["Entries"] if e["Egress"] is egress), key=lambda e: e["RuleNumber"]
    )
    first, last = traffic.ports
    # Between two ends of port ranges nothing changes, so the ends stand for all ports.
    ends = {first, last}
    for entry in entries:
        low, high = _acl_ports(entry)
        ends |= {p for p in (low - 1, low, high, high + 1) if first <= p <= last}
    where = f"{name_of(acl, 'NetworkAclId')} of {name_of(subnet, 'SubnetId')}"
    for port in sorted(ends):
        rule = next((e for e in entries if _acl_matches(e, traffic, port)), None)
        if rule is None or rule["RuleAction"] != "allow":
            number = rule["RuleNumber"] if rule and rule["RuleNumber"] < 32767 else "*"
            because = f"{where}: {direction} rule {number} denies port {port}, {traffic.name}"
            return Hop(what, False, because)
    ports = str(first) if first == last else f"{first}-{last}"
    return Hop(what, True, f"{where} allows {direction} {ports}, {traffic.name}")


def _acl_ports(entry: Resource) -> tuple[int, int]:
    ports = entry.get("PortRange", {})
    return ports.get("From", 0), ports.get("To", 65535)


def _acl_matches(entry: Resource, traffic: Traffic, port: int) -> bool:
    low, high = _acl_ports(entry)
    if entry["Protocol"] == "-1":  # all protocols means all ports, whatever PortRange says
        low, high = 0, 65535
    protocol = entry["Protocol"] in ("-1", PROTOCOL_NUMBERS[traffic.protocol])
    cidr = entry.get("CidrBlock") or entry.get("Ipv6CidrBlock")
    return protocol and low <= port <= high and _covers(cidr, traffic.network)


def check_security_group(
    known: dict[str, Resource], owner: str, ids: tuple[str, ...], direction: str, traffic: Traffic
) -> Hop:
    """Any rule of any of the owner's groups is enough; there are only rules that allow.

    `known` holds the account's security groups by id, `ids` are the owner's.
    """
    what = f"security group, {direction}"
    names = {g: name_of(known.get(g, {"GroupId": g}), "GroupId") for g in ids}
    preposition = "from" if direction == INBOUND else "to"
    key = "IpPermissions" if direction == INBOUND else "IpPermissionsEgress"
    for group_id in ids:
        for rule in known.get(group_id, {}).get(key, []):
            peer = _rule_peer(rule, traffic, known) if _rule_ports(rule, traffic) else None
            if peer:
                allows = f"{names[group_id]} allows {_ports_text(rule)} {preposition} {peer}"
                return Hop(what, True, allows)
    groups = [name_of(known.get(g, {"GroupId": g}), "GroupId") for g in traffic.groups]
    end = traffic.name + (f", whose groups are: {', '.join(groups)}" if groups else "")
    subject = " and ".join(names.values()) or f"{owner} without a security group"
    verb = "have" if len(names) > 1 else "has"
    missing = (
        f"{subject} {verb} no {direction} rule for port {traffic.ports[0]} {preposition} {end}"
    )
    return Hop(what, False, missing)


def sources(group: Resource, port: int) -> set[str]:
    """Who a security group lets in on a port: address ranges and group ids."""
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


def _rule_ports(rule: Resource, traffic: Traffic) -> bool:
    if rule["IpProtocol"] == "-1":
        return True
    protocol = rule["IpProtocol"] in (traffic.protocol, PROTOCOL_NUMBERS[traffic.protocol])
    return protocol and rule.get("FromPort", 0) <= traffic.ports[0] <= rule.get("ToPort", 65535)


def _ports_text(rule: Resource) -> str:
    if rule["IpProtocol"] == "-1":
        return "all traffic"
    low, high = rule.get("FromPort", 0), rule.get("ToPort", 65535)
    return str(low) if low == high else f"{low}-{high}"


def _rule_peer(rule: Resource, traffic: Traffic, known: dict[str, Resource]) -> str | None:
    """What in the rule names the far end of the traffic: a CIDR block or a security group."""
    for pair in rule.get("UserIdGroupPairs", []):
        if pair.get("GroupId") in traffic.groups:
            return name_of(known.get(pair["GroupId"], pair), "GroupId")
    for ip_range in [*rule.get("IpRanges", []), *rule.get("Ipv6Ranges", [])]:
        cidr = ip_range.get("CidrIp") or ip_range.get("CidrIpv6")
        if _covers(cidr, traffic.network):
            return str(cidr)
    return None


def single_address(text: str) -> Network | None:
    """A single address as a network of one; None when the text is not an address."""
    try:
        return ip_network(text) if text and "/" not in text else None
    except ValueError:
        return None


def _covers(cidr: str | None, network: Network | None) -> bool:
    """Whether a rule's CIDR block holds the whole network, of the same IP version."""
    if not cidr or not network:
        return False
    block = ip_network(cidr, strict=False)
    if isinstance(block, IPv4Network) and isinstance(network, IPv4Network):
        return network.subnet_of(block)
    if isinstance(block, IPv6Network) and isinstance(network, IPv6Network):
        return network.subnet_of(block)
    return False


def is_active(route: Resource) -> bool:
    """Whether a route leads somewhere: its target still exists."""
    return route.get("State", "active") == "active"
