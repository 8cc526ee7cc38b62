"""Draw the account's real network: what is where, and who may talk to whom by which rule."""

from __future__ import annotations

import re
from dataclasses import dataclass

from helpers import _svg
from helpers._rules import GROUP_INBOUND, Resource, name_of
from helpers.network import (
    DB_DOWN,
    Account,
    Verdict,
    can_reach,
    gateway_of,
    is_public,
    subnet_of_db,
)

SSH, MYSQL = 22, 3306
NO_VPC = "no VPC yet: create one on page 1.1"


@dataclass(frozen=True)
class Drawing:
    """A picture for a notebook, the same in words for a terminal."""

    svg: str
    text: str

    def __repr__(self) -> str:
        """What is drawn, in words: ids, states, and each arrow with its rule."""
        return self.text

    # No _repr_html_. JupyterLab, nbconvert and GitHub would all take HTML before the SVG, and two
    # of them clean it (GitHub always, JupyterLab until a notebook is trusted), which would leave a
    # heap of labels. All of them show the SVG; JupyterLab falls back on the text until it may.
    def _repr_svg_(self) -> str:
        return self.svg


def network_map(account: Account, you: str | None = None) -> Drawing:
    """Draw the network of an account.

    Subnets are public or private by their route to an internet gateway, not by their name. Arrows
    go from you to each EC2 instance (port 22), and to each DB instance (its own port) from the
    bastion: the first EC2 instance that you reach, or else the first there is.

    Args:
        account: what the describe calls returned.
        you: the internet address you come from, such as "203.0.113.25"; without it no arrow
            starts at you.

    Returns:
        A Drawing, the last line of a cell shows it. The same account gives the same drawing. An
        empty default VPC is left out where there is another.
    """
    instances = sorted(
        (i for i in account.instances if i["State"]["Name"] != "terminated"),
        key=lambda i: (name_of(i, "InstanceId").partition(" ")[2], i["InstanceId"]),
    )
    doors = {i["InstanceId"]: _door_from_you(account, you, i["InstanceId"]) for i in instances}
    open_first = sorted(instances, key=lambda i: not doors[i["InstanceId"]])
    bastion = open_first[0] if open_first else None

    homes: dict[str, list[_svg.Card]] = {}
    for instance in instances:
        card = _ec2_card(instance, doors[instance["InstanceId"]])
        homes.setdefault(instance.get("SubnetId", ""), []).append(card)
    for db in sorted(account.db_instances, key=lambda db: db["DBInstanceIdentifier"]):
        subnet = subnet_of_db(account, db) or {}
        homes.setdefault(subnet.get("SubnetId", ""), []).append(_db_card(account, db, bastion))

    vpcs = [_vpc(account, vpc, homes) for vpc in _vpcs_to_draw(account, homes)]
    network = _svg.Network(
        you=f"you: {you}" if you else "you",
        vpcs=vpcs,
        homeless=homes.get("", []),
        note="" if vpcs else NO_VPC,
    )
    text = _words(network)
    return Drawing(_svg.draw(network, text), text)


def _vpcs_to_draw(account: Account, homes: dict[str, list[_svg.Card]]) -> list[Resource]:
    """All VPCs, the default one last; it is left out when empty, if there is another."""
    used = {s["VpcId"] for s in account.subnets if s["SubnetId"] in homes}
    vpcs = sorted(account.vpcs, key=lambda v: (v.get("IsDefault", False), name_of(v, "VpcId")))
    kept = [vpc for vpc in vpcs if not vpc.get("IsDefault") or vpc["VpcId"] in used]
    return kept or vpcs


def _vpc(account: Account, vpc: Resource, homes: dict[str, list[_svg.Card]]) -> _svg.Vpc:
    gateway = gateway_of(account, vpc["VpcId"])
    zones: dict[str, list[_svg.Subnet]] = {}
    subnets = (s for s in account.subnets if s["VpcId"] == vpc["VpcId"])
    for subnet in sorted(subnets, key=lambda s: (s["AvailabilityZone"], s["CidrBlock"])):
        zones.setdefault(subnet["AvailabilityZone"], []).append(
            _svg.Subnet(
                name=_short_name(subnet),
                detail=f"{subnet['SubnetId']} · {subnet['CidrBlock']}",
                kind="public" if is_public(account, subnet) else "private",
                cards=homes.get(subnet["SubnetId"], []),
            )
        )
    return _svg.Vpc(
        name=f"VPC {_short_name(vpc)}",
        detail=f"{vpc['VpcId']} · {vpc['CidrBlock']}",
        gateway=f"internet gateway {gateway['InternetGatewayId']}" if gateway else "",
        zones=zones,
    )


def _ec2_card(instance: Resource, door: Verdict | None) -> _svg.Card:
    public = instance.get("PublicIpAddress") or "none"
    addresses = f"public {public} · private {instance.get('PrivateIpAddress') or 'none'}"
    state = instance["State"]["Name"]
    card = _svg.Card(
        id=instance["InstanceId"],
        name=_short_name(instance),
        kind="EC2",
        lines=[f"{instance['InstanceId']} · {state}", addresses],
        up=state == "running",
    )
    return _with_door(card, door, f"port {SSH} from you", "you")


def _db_card(account: Account, db: Resource, bastion: Resource | None) -> _svg.Card:
    db_id = db["DBInstanceIdentifier"]
    writers = {
        member["DBInstanceIdentifier"]: member["IsClusterWriter"]
        for cluster in account.db_clusters
        for member in cluster.get("DBClusterMembers", [])
    }
    kind = {True: "writer", False: "reader", None: "DB"}[writers.get(db_id)]
    status = db["DBInstanceStatus"]
    engine = db.get("Engine", "database")
    card = _svg.Card(db_id, db_id, kind, [f"{engine} · {status}"], up=status not in DB_DOWN)
    if bastion is None:
        return card
    port = db.get("Endpoint", {}).get("Port", MYSQL)
    door = can_reach(account, bastion["InstanceId"], db_id, port)
    name = _short_reason(name_of(bastion, "InstanceId"))
    return _with_door(card, door, f"port {port} from {name}", bastion["InstanceId"])


def _door_from_you(account: Account, you: str | None, instance_id: str) -> Verdict | None:
    return can_reach(account, you, instance_id, SSH) if you else None


def _with_door(card: _svg.Card, verdict: Verdict | None, visit: str, visitor: str) -> _svg.Card:
    """Say on the card who comes in by which rule, or what stops them."""
    if verdict is None:
        return card
    rules = (hop.because for hop in verdict.hops if hop.what == GROUP_INBOUND)
    because = next(rules, "") if verdict else verdict.reason
    card.door = f"{visit}: {_short_reason(because)}"
    card.open = verdict.allowed
    card.visitor = visitor
    return card


def _short_reason(because: str) -> str:
    """Names for ids: those of instances stand next to them, a group's name is unique in its VPC."""
    because = re.sub(r"\bsg-\w+ \(([^()]+)\)", r"sg \1", because)
    return re.sub(r"\bi-\w+ \(([^()]+)\)", r"\1", because)


def _short_name(resource: Resource) -> str:
    """The Name tag. The id is written next to it in any case."""
    names = [tag["Value"] for tag in resource.get("Tags", []) if tag["Key"] == "Name"]
    return next(filter(None, names), "(default)" if resource.get("IsDefault") else "(unnamed)")


def _words(network: _svg.Network) -> str:
    lines = [f"Internet ({network.you})"]
    for vpc in network.vpcs:
        lines.append(f"{vpc.name} · {vpc.detail} · {vpc.gateway or 'no internet gateway'}")
        if not vpc.zones:
            lines.append("  no subnets yet")
        for zone, subnets in vpc.zones.items():
            for subnet in subnets:
                lines.append(f"  {zone} {subnet.kind} subnet {subnet.name} · {subnet.detail}")
                lines += _card_words(subnet.cards)
    if network.homeless:
        lines += ["Not in a subnet yet", *_card_words(network.homeless)]
    return "\n".join([*lines, network.note] if network.note else lines)


def _card_words(cards: list[_svg.Card]) -> list[str]:
    lines = []
    for card in cards:
        lines.append(f"    {card.kind} {card.name} · {' · '.join(card.lines)}")
        if card.door:
            lines.append(f"      {'✓' if card.open else '✕'} {card.door}")
    return lines
