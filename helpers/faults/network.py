"""Faults of the network: the rules of a security group, and a route."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3

from helpers.faults.fault import Fault, Memory, must_find, passing

ELSEWHERE = "198.51.100.7/32"  # from a block that is kept for documentation (RFC 5737)
GATEWAY_GONE = "InvalidInternetGatewayID.NotFound"
SOURCES = ("IpRanges", "Ipv6Ranges", "UserIdGroupPairs", "PrefixListIds")


@dataclass(frozen=True)
class RulesOf(Fault):
    """The inbound rules of a security group are gone, or replaced by one for somebody else.

    Attributes:
        group: its name.
        port: the port of the rule that replaces them; None replaces them by nothing.
    """

    group: str
    port: int | None = None

    def remember(self) -> Memory:
        group_id = must_find("security-group", self.group)
        found = boto3.client("ec2").describe_security_groups(GroupIds=[group_id])
        # One source in each rule, so that AWS takes or refuses each by itself.
        rules = [
            {**{k: v for k, v in rule.items() if k not in SOURCES}, kind: [source]}
            for rule in found["SecurityGroups"][0]["IpPermissions"]
            for kind in SOURCES
            for source in rule.get(kind, [])
        ]
        return {"group": group_id, "rules": rules, "wrong": self._wrong(group_id)}

    def _wrong(self, group_id: str) -> list[dict[str, Any]]:
        if self.port is None:
            return []
        rule: dict[str, Any] = {"IpProtocol": "tcp", "FromPort": self.port, "ToPort": self.port}
        if self.port == 22:
            return [{**rule, "IpRanges": [{"CidrIp": ELSEWHERE}]}]
        return [{**rule, "UserIdGroupPairs": [{"GroupId": group_id}]}]

    def plant(self, memory: Memory) -> None:
        _exchange(memory["group"], memory["rules"], memory["wrong"])

    def repair(self, memory: Memory) -> None:
        _exchange(memory["group"], memory["wrong"], memory["rules"])


def _exchange(group_id: str, out: list[dict[str, Any]], into: list[dict[str, Any]]) -> None:
    ec2 = boto3.client("ec2")
    for rule in into:
        with passing("InvalidPermission.Duplicate", "InvalidGroup.NotFound"):
            ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[rule])
    for rule in out:
        with passing("InvalidPermission.NotFound", "InvalidGroup.NotFound"):
            ec2.revoke_security_group_ingress(GroupId=group_id, IpPermissions=[rule])


@dataclass(frozen=True)
class RouteGone(Fault):
    """The public subnet's routes have none to the internet."""

    def remember(self) -> Memory:
        routes = must_find("route-table", "bookstore-public")
        return {"routes": routes, "gateway": must_find("internet-gateway", "bookstore")}

    def plant(self, memory: Memory) -> None:
        with passing("InvalidRoute.NotFound"):
            boto3.client("ec2").delete_route(
                RouteTableId=memory["routes"], DestinationCidrBlock="0.0.0.0/0"
            )

    def repair(self, memory: Memory) -> None:
        with passing("RouteAlreadyExists", "InvalidRouteTableID.NotFound", GATEWAY_GONE):
            boto3.client("ec2").create_route(
                RouteTableId=memory["routes"],
                DestinationCidrBlock="0.0.0.0/0",
                GatewayId=memory["gateway"],
            )
