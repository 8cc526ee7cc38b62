"""Reachability: each rule that AWS applies, and that the verdict names the one that blocks."""

import copy
from collections.abc import Callable

import pytest

from helpers.network import Account, can_reach, gateway_of, is_public, resolve, subnet_of_db

YOU = "203.0.113.25"
BASTION, WRITER, READER = "i-0b", "bookstore-1", "bookstore-2"
# Indexes into the lists of the account below.
PUBLIC, PRIVATE_A, PRIVATE_B = 0, 1, 2
BASTION_GROUP, DATABASE_GROUP = 0, 1
Change = Callable[[Account], object]


def subnet(number: int, zone: str) -> dict:
    return {
        "SubnetId": f"subnet-0{number}",
        "VpcId": "vpc-01",
        "CidrBlock": f"10.0.{number}.0/24",
        "AvailabilityZone": f"us-east-1{zone}",
    }


def permission(port: int, cidr: str = "", group: str = "") -> dict:
    return {
        "IpProtocol": "tcp",
        "FromPort": port,
        "ToPort": port,
        "IpRanges": [{"CidrIp": cidr}] if cidr else [],
        "UserIdGroupPairs": [{"GroupId": group}] if group else [],
        "Ipv6Ranges": [],
        "PrefixListIds": [],
    }


def group(group_id: str, name: str, inbound: dict) -> dict:
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    return {
        "GroupId": group_id,
        "GroupName": name,
        "VpcId": "vpc-01",
        "IpPermissions": [inbound],
        "IpPermissionsEgress": [everything],
    }


def entry(number: int, egress: bool, action: str = "allow", **more: object) -> dict:
    rule = {"RuleNumber": number, "Egress": egress, "RuleAction": action}
    return {"Protocol": "-1", "CidrBlock": "0.0.0.0/0", **rule, **more}


def acl(acl_id: str, *subnets: str) -> dict:
    """A network ACL that allows all, as AWS makes them: rule 100, then the * rule that denies."""
    rules = [(100, "allow"), (32767, "deny")]
    return {
        "NetworkAclId": acl_id,
        "VpcId": "vpc-01",
        "IsDefault": False,
        "Associations": [{"SubnetId": subnet_id} for subnet_id in subnets],
        "Entries": [entry(n, egress, action) for n, action in rules for egress in (False, True)],
    }


def ec2(instance_id: str, name: str, address: str, group_id: str, subnet_id: str) -> dict:
    return {
        "InstanceId": instance_id,
        "Tags": [{"Key": "Name", "Value": name}],
        "State": {"Name": "running"},
        "VpcId": "vpc-01",
        "SubnetId": subnet_id,
        "PrivateIpAddress": address,
        "PublicIpAddress": "198.51.100.7",
        "SecurityGroups": [{"GroupId": group_id}],
        "NetworkInterfaces": [],
    }


def db(number: int, zone: str) -> dict:
    ids = ("subnet-01", "subnet-02")
    return {
        "DBInstanceIdentifier": f"bookstore-{number}",
        "DBInstanceStatus": "available",
        "AvailabilityZone": f"us-east-1{zone}",
        "PubliclyAccessible": False,
        "DBSubnetGroup": {"VpcId": "vpc-01", "Subnets": [{"SubnetIdentifier": i} for i in ids]},
        "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-0d"}],
        "Endpoint": {"Address": f"bookstore-{number}.abc.us-east-1.rds.amazonaws.com"},
    }


def working() -> Account:
    """The account as Lab 1 leaves it, with an app server in private-a and explicit ACLs."""
    members = [(WRITER, True), (READER, False)]
    local = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}
    internet = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-01", "State": "active"}
    main = {"RouteTableId": "rtb-00", "VpcId": "vpc-01", "Associations": [{"Main": True}]}
    public = {"RouteTableId": "rtb-01", "VpcId": "vpc-01"}
    own = {"Associations": [{"Main": False, "SubnetId": "subnet-00"}]}
    return Account(
        vpcs=[{"VpcId": "vpc-01", "CidrBlock": "10.0.0.0/16"}],
        subnets=[subnet(0, "a"), subnet(1, "a"), subnet(2, "b")],
        route_tables=[{**main, "Routes": [local]}, {**public, **own, "Routes": [local, internet]}],
        internet_gateways=[{"InternetGatewayId": "igw-01", "Attachments": [{"VpcId": "vpc-01"}]}],
        network_acls=[acl("acl-00", "subnet-00"), acl("acl-01", "subnet-01", "subnet-02")],
        security_groups=[
            group("sg-0b", "bookstore-bastion", permission(22, cidr=f"{YOU}/32")),
            group("sg-0d", "bookstore-database", permission(3306, group="sg-0b")),
        ],
        instances=[
            ec2(BASTION, "bookstore-bastion", "10.0.0.4", "sg-0b", "subnet-00"),
            ec2("i-0a", "app", "10.0.1.4", "sg-0b", "subnet-01"),
        ],
        db_instances=[db(1, "a"), db(2, "b")],
        db_clusters=[
            {
                "Endpoint": "bookstore.cluster-abc.us-east-1.rds.amazonaws.com",
                "ReaderEndpoint": "bookstore.cluster-ro-abc.us-east-1.rds.amazonaws.com",
                "DBClusterMembers": [
                    {"DBInstanceIdentifier": i, "IsClusterWriter": w} for i, w in members
                ],
            }
        ],
    )


def changed(*changes: Change) -> Account:
    account = copy.deepcopy(working())
    for change in changes:
        change(account)
    return account


def acl_rule(number: int, rule: dict) -> Change:
    """Put a rule in front of the others of one network ACL."""
    return lambda a: a.network_acls[number]["Entries"].append({**rule, "RuleNumber": 1})


def inbound(number: int, *rules: dict) -> Change:
    return lambda a: a.security_groups[number].update(IpPermissions=list(rules))


def outbound(number: int, *rules: dict) -> Change:
    return lambda a: a.security_groups[number].update(IpPermissionsEgress=list(rules))


def accessible(account: Account) -> None:
    """The writer on the internet: accessible, in a public subnet, open to you."""
    account.db_instances[0]["PubliclyAccessible"] = True
    account.route_tables[1]["Associations"].append({"SubnetId": "subnet-01"})
    account.security_groups[DATABASE_GROUP]["IpPermissions"] = [permission(3306, f"{YOU}/32")]


# Take away one permission: (the hop that must name it, what changes, words of the reason).
INTERNET_TO_BASTION: dict[str, tuple[Change, str]] = {
    "destination exists": (lambda a: a.instances.clear(), "there is no EC2 or DB instance i-0b"),
    "destination is up": (
        lambda a: a.instances[0]["State"].update(Name="stopped"),
        "i-0b (bookstore-bastion) is stopped",
    ),
    "destination is in a subnet": (lambda a: a.subnets.clear(), "no known subnet"),
    "public address": (lambda a: a.instances[0].pop("PublicIpAddress"), "has no public IPv4"),
    "internet gateway": (
        lambda a: a.internet_gateways[0]["Attachments"].clear(),
        "no internet gateway is attached to vpc-01",
    ),
    "route to the internet": (
        lambda a: a.route_tables[1]["Routes"].pop(),
        "rtb-01 of subnet-00 has no active route for 203.0.113.25",
    ),
    "network ACL, inbound": (
        acl_rule(0, entry(1, False, "deny", CidrBlock="203.0.113.0/24")),
        "acl-00 of subnet-00: inbound rule 1 denies port 22",
    ),
    "security group, inbound": (
        inbound(BASTION_GROUP),
        "sg-0b (bookstore-bastion) has no inbound rule for port 22 from 203.0.113.25",
    ),
    "network ACL, reply": (
        acl_rule(0, entry(1, True, "deny")),
        "acl-00 of subnet-00: outbound rule 1 denies port 1024",
    ),
}
BASTION_TO_WRITER: dict[str, tuple[Change, str]] = {
    "source exists": (lambda a: a.instances.clear(), "there is no EC2 instance i-0b"),
    "source is up": (
        lambda a: a.instances[0]["State"].update(Name="pending"),
        "i-0b (bookstore-bastion) is pending",
    ),
    "source is in a subnet": (lambda a: a.subnets.pop(0), "no known subnet"),
    "destination exists": (lambda a: a.db_instances.clear(), "EC2 or DB instance bookstore-1"),
    "destination is up": (
        lambda a: a.db_instances[0].update(DBInstanceStatus="creating"),
        "bookstore-1 is creating",
    ),
    "destination is in a subnet": (
        lambda a: a.db_instances[0].pop("DBSubnetGroup"),
        "bookstore-1 is in no known subnet",
    ),
    "same VPC": (
        lambda a: a.db_instances[0]["DBSubnetGroup"].update(VpcId="vpc-02"),
        "in vpc-01 and in vpc-02",
    ),
    "security group, outbound": (
        outbound(BASTION_GROUP),
        "sg-0b (bookstore-bastion) has no outbound rule for port 3306 to bookstore-1, "
        "whose groups are: sg-0d (bookstore-database)",
    ),
    "network ACL of source, outbound": (
        acl_rule(0, entry(1, True, "deny", CidrBlock="10.0.1.0/24")),
        "acl-00 of subnet-00: outbound rule 1 denies port 3306",
    ),
    "network ACL of destination, inbound": (
        acl_rule(1, entry(1, False, "deny", CidrBlock="10.0.0.4/32")),
        "acl-01 of subnet-01: inbound rule 1 denies port 3306",
    ),
    "security group, inbound": (
        inbound(DATABASE_GROUP),
        "sg-0d (bookstore-database) has no inbound rule for port 3306 from "
        "i-0b (bookstore-bastion), whose groups are: sg-0b (bookstore-bastion)",
    ),
    "network ACL of destination, reply": (
        acl_rule(1, entry(1, True, "deny", CidrBlock="10.0.0.0/24")),
        "acl-01 of subnet-01: outbound rule 1 denies port 1024",
    ),
    "network ACL of source, reply": (
        acl_rule(0, entry(1, False, "deny", CidrBlock="10.0.1.0/24")),
        "acl-00 of subnet-00: inbound rule 1 denies port 1024",
    ),
}
JOURNEYS = {
    (YOU, BASTION, 22): INTERNET_TO_BASTION,
    (BASTION, WRITER, 3306): BASTION_TO_WRITER,
}
BROKEN = [(j, what, *case) for j, cases in JOURNEYS.items() for what, case in cases.items()]


@pytest.mark.parametrize(("journey", "what", "change", "reason"), BROKEN)
def test_taking_any_one_permission_away_blocks_there(
    journey: tuple[str, str, int], what: str, change: Change, reason: str
) -> None:
    verdict = can_reach(changed(change), *journey)
    assert not verdict
    assert verdict.blocked_at is not None
    assert verdict.blocked_at.what == what
    assert verdict.blocked_at is verdict.hops[-1]
    assert reason in verdict.reason


@pytest.mark.parametrize(("journey", "cases"), JOURNEYS.items())
def test_every_hop_of_a_working_connection_is_covered(
    journey: tuple[str, str, int], cases: dict[str, object]
) -> None:
    verdict = can_reach(working(), *journey)
    assert verdict
    assert verdict.blocked_at is None
    assert [hop.what for hop in verdict.hops] == list(cases), "in the order a packet meets them"
    assert all(hop.allowed for hop in verdict.hops)


def test_an_open_door_names_its_rule() -> None:
    ssh = can_reach(working(), YOU, BASTION, 22).reason
    mysql = can_reach(working(), BASTION, READER, 3306).reason
    assert "sg-0b (bookstore-bastion) allows 22 from 203.0.113.25/32" in ssh
    assert "sg-0d (bookstore-database) allows 3306 from sg-0b (bookstore-bastion)" in mysql


RANGE = {"IpProtocol": "tcp", "FromPort": 20, "ToPort": 25, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        ([permission(22, "203.0.113.0/24")], True),
        ([permission(22, "198.51.100.0/24")], False),
        ([permission(23, "0.0.0.0/0")], False),
        ([RANGE], True),
        ([{**RANGE, "FromPort": 23}], False),
        ([{**RANGE, "IpProtocol": "udp"}], False),
        ([{**RANGE, "IpProtocol": "6"}], True),
        ([{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}], True),
        ([permission(22, group="sg-0b")], False),
        ([permission(443, "0.0.0.0/0"), permission(22, "0.0.0.0/0")], True),
        ([{**permission(22), "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}], False),
        ([{**permission(22), "PrefixListIds": [{"PrefixListId": "pl-01"}]}], False),
    ],
)
def test_security_group_rules(rules: list[dict], allowed: bool) -> None:
    assert bool(can_reach(changed(inbound(BASTION_GROUP, *rules)), YOU, BASTION, 22)) is allowed


def test_any_of_several_groups_is_enough() -> None:
    def second(account: Account) -> None:
        inbound(BASTION_GROUP)(account)
        inbound(DATABASE_GROUP, permission(22, f"{YOU}/32"))(account)
        account.instances[0]["SecurityGroups"].append({"GroupId": "sg-0d"})

    assert can_reach(changed(second), YOU, BASTION, 22)
    blocked = can_reach(changed(second, inbound(DATABASE_GROUP)), YOU, BASTION, 22)
    assert "sg-0b (bookstore-bastion) and sg-0d (bookstore-database) have no" in blocked.reason


def test_groups_listed_only_on_the_network_interface_count() -> None:
    def move(account: Account) -> None:
        groups = account.instances[0].pop("SecurityGroups")
        account.instances[0]["NetworkInterfaces"] = [{"Groups": groups}]

    assert can_reach(changed(move), YOU, BASTION, 22)


def test_security_groups_let_replies_out_by_themselves() -> None:
    assert can_reach(changed(outbound(BASTION_GROUP)), YOU, BASTION, 22)
    assert can_reach(changed(outbound(DATABASE_GROUP)), BASTION, WRITER, 3306)


@pytest.mark.parametrize(
    ("rule", "allowed"),
    [
        (permission(3306, group="sg-0d"), True),
        (permission(3306, group="sg-0b"), False),
        (permission(3306, "10.0.0.0/16"), True),
        (permission(3306, "10.0.1.0/24"), True),
        (permission(3306, "10.0.1.0/28"), False),  # not all of the subnet
        (permission(3306, "10.0.2.0/24"), False),  # the reader's subnet
        (permission(443, "0.0.0.0/0"), False),
    ],
)
def test_outbound_rules_to_a_database(rule: dict, allowed: bool) -> None:
    verdict = can_reach(changed(outbound(BASTION_GROUP, rule)), BASTION, WRITER, 3306)
    assert bool(verdict) is allowed


@pytest.mark.parametrize(("cidr", "allowed"), [("10.0.0.4/32", True), ("198.51.100.7/32", False)])
def test_inside_the_vpc_a_rule_sees_the_private_address(cidr: str, allowed: bool) -> None:
    account = changed(inbound(DATABASE_GROUP, permission(3306, cidr)))
    assert bool(can_reach(account, BASTION, WRITER, 3306)) is allowed


@pytest.mark.parametrize(
    ("route", "allowed"),
    [
        ({"DestinationCidrBlock": "203.0.113.0/24", "NatGatewayId": "nat-01"}, False),
        ({"DestinationCidrBlock": "203.0.113.0/24", "GatewayId": "igw-02"}, False),
        ({"DestinationCidrBlock": "203.0.0.0/8", "State": "blackhole"}, False),
        ({"DestinationCidrBlock": "198.51.100.0/24", "NatGatewayId": "nat-01"}, True),
        ({"DestinationIpv6CidrBlock": "::/0", "NatGatewayId": "nat-01"}, True),
        ({"DestinationPrefixListId": "pl-01", "GatewayId": "vpce-01"}, True),
    ],
)
def test_the_most_specific_route_decides(route: dict, allowed: bool) -> None:
    for account in (
        changed(lambda a: a.route_tables[1]["Routes"].append(route)),
        changed(lambda a: a.route_tables[1]["Routes"].insert(0, route)),
    ):
        assert bool(can_reach(account, YOU, BASTION, 22)) is allowed


def test_a_blackhole_is_no_way_out() -> None:
    account = changed(lambda a: a.route_tables[1]["Routes"][1].update(State="blackhole"))
    assert not can_reach(account, YOU, BASTION, 22)


def test_a_subnet_without_a_table_of_its_own_uses_the_main_one() -> None:
    def main_is_public(account: Account) -> None:
        account.route_tables[0]["Routes"].append(account.route_tables[1]["Routes"][1])
        account.route_tables[1]["Associations"].clear()

    account = changed(main_is_public)
    assert can_reach(account, YOU, BASTION, 22)
    assert all(is_public(account, subnet) for subnet in account.subnets)
    assert [is_public(working(), subnet) for subnet in working().subnets] == [True, False, False]
    assert gateway_of(account, "vpc-02") is None


SSH_ONLY = {"Protocol": "6", "PortRange": {"From": 22, "To": 22}}
HIGH_PORTS = {"Protocol": "6", "PortRange": {"From": 1024, "To": 65535}}
LINUX_PORTS = {"Protocol": "6", "PortRange": {"From": 32768, "To": 60999}}
HOLE = {"Protocol": "6", "PortRange": {"From": 5000, "To": 5000}}
NOT_TCP = {"Protocol": "17", "PortRange": {"From": 0, "To": 65535}}


@pytest.mark.parametrize(
    ("entries", "blocked_at"),
    [
        ([entry(100, False, **SSH_ONLY), entry(100, True, **HIGH_PORTS)], None),
        ([], "network ACL, inbound"),
        ([entry(100, False, **NOT_TCP)], "network ACL, inbound"),
        ([entry(100, False, **HIGH_PORTS)], "network ACL, inbound"),
        ([entry(100, False, **SSH_ONLY)], "network ACL, reply"),
        ([entry(100, False), entry(100, True, **LINUX_PORTS)], "network ACL, reply"),
        ([entry(9, True, "deny", **HOLE), entry(10, False), entry(10, True)], "network ACL, reply"),
        ([entry(10, True), entry(10, False), entry(20, True, "deny", **HOLE)], None),
        ([entry(20, False, "deny"), entry(10, False), entry(10, True)], None),
        ([entry(20, False), entry(10, False, "deny"), entry(10, True)], "network ACL, inbound"),
        (
            [
                entry(1, False),
                entry(1, True, **{**HIGH_PORTS, "PortRange": {"From": 1024, "To": 4999}}),
                entry(2, True, **{**HIGH_PORTS, "PortRange": {"From": 5000, "To": 65535}}),
            ],
            None,
        ),
    ],
)
def test_network_acl_rules(entries: list[dict], blocked_at: str | None) -> None:
    verdict = can_reach(
        changed(lambda a: a.network_acls[0].update(Entries=entries)), YOU, BASTION, 22
    )
    assert (verdict.blocked_at.what if verdict.blocked_at else None) == blocked_at


def test_no_match_is_told_as_the_star_rule() -> None:
    account = changed(lambda a: a.network_acls[0].update(Entries=[entry(32767, False, "deny")]))
    assert "rule * denies port 22" in can_reach(account, YOU, BASTION, 22).reason


def test_without_network_acls_the_default_allows_all() -> None:
    account = changed(lambda a: a.network_acls.clear())
    assert can_reach(account, YOU, BASTION, 22)
    assert can_reach(account, BASTION, WRITER, 3306)


def test_a_subnet_without_an_acl_of_its_own_uses_the_default_one() -> None:
    closed = {**acl("acl-02"), "IsDefault": True, "Entries": []}
    account = changed(lambda a: a.network_acls.clear(), lambda a: a.network_acls.append(closed))
    assert "acl-02 of subnet-00" in can_reach(account, YOU, BASTION, 22).reason


def test_network_acls_do_not_act_inside_one_subnet() -> None:
    account = changed(lambda a: [acl.update(Entries=[]) for acl in a.network_acls])
    assert can_reach(account, "i-0a", WRITER, 3306)
    assert not can_reach(account, "i-0a", READER, 3306)


def test_from_instance_to_instance() -> None:
    account = changed(inbound(BASTION_GROUP, permission(22, group="sg-0b")))
    assert can_reach(account, BASTION, "i-0a", 22)
    assert not can_reach(account, BASTION, "i-0a", 80)
    elsewhere = changed(lambda a: a.instances[1].update(VpcId="vpc-02"))
    assert "vpc-02" in can_reach(elsewhere, BASTION, "i-0a", 22).reason


def test_a_database_is_on_the_internet_only_when_publicly_accessible() -> None:
    assert can_reach(changed(accessible), YOU, WRITER, 3306)
    hidden = changed(accessible, lambda a: a.db_instances[0].update(PubliclyAccessible=False))
    assert "bookstore-1 has no public" in can_reach(hidden, YOU, WRITER, 3306).reason
    private = changed(accessible, lambda a: a.route_tables[1]["Associations"].pop())
    blocked = can_reach(private, YOU, WRITER, 3306).blocked_at
    assert blocked is not None
    assert blocked.what == "route to the internet"


@pytest.mark.parametrize(
    ("status", "answers"),
    [
        ("available", True),
        ("backing-up", True),
        ("modifying", True),
        ("configuring-enhanced-monitoring", True),
        ("creating", False),
        ("stopped", False),
        ("stopping", False),
        ("starting", False),
        ("rebooting", False),
        ("deleting", False),
        ("failed", False),
    ],
)
def test_database_states(status: str, answers: bool) -> None:
    account = changed(lambda a: a.db_instances[0].update(DBInstanceStatus=status))
    assert bool(can_reach(account, BASTION, WRITER, 3306)) is answers


def test_ipv6_needs_an_address_a_route_and_rules_of_its_own() -> None:
    you = "2001:db8::25"
    assert not can_reach(working(), you, BASTION, 22)

    def dual_stack(account: Account) -> None:
        account.instances[0]["NetworkInterfaces"] = [{"Ipv6Addresses": [{"Ipv6Address": "::1"}]}]
        route = {"DestinationIpv6CidrBlock": "::/0", "GatewayId": "igw-01", "State": "active"}
        account.route_tables[1]["Routes"].append(route)
        account.network_acls.clear()
        rule = {**permission(22), "Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32"}]}
        inbound(BASTION_GROUP, rule)(account)

    assert can_reach(changed(dual_stack), you, BASTION, 22)
    assert not can_reach(changed(dual_stack), YOU, BASTION, 22)


def test_udp_is_asked_about_as_udp() -> None:
    rule = {**permission(53, "0.0.0.0/0"), "IpProtocol": "udp"}
    account = changed(inbound(BASTION_GROUP, rule))
    assert can_reach(account, YOU, BASTION, 53, "udp")
    assert not can_reach(account, YOU, BASTION, 53)


def test_an_empty_account_reaches_nothing() -> None:
    assert not can_reach(Account(), YOU, BASTION, 22)
    assert not can_reach(Account(), "not an address", WRITER, 3306)


def test_a_database_is_in_the_subnet_of_its_zone() -> None:
    account = working()
    assert subnet_of_db(account, account.db_instances[1]) == account.subnets[PRIVATE_B]


CLUSTER = "bookstore.cluster-abc.us-east-1.rds.amazonaws.com"
CLUSTER_RO = CLUSTER.replace("cluster-", "cluster-ro-")


@pytest.mark.parametrize(
    ("host", "leads_to"),
    [
        (CLUSTER, [WRITER]),
        (CLUSTER.upper() + ".", [WRITER]),
        (CLUSTER_RO, [READER]),
        ("bookstore-2.ABC.us-east-1.rds.amazonaws.com", [READER]),
        ("bookstore.cluster-xyz.us-east-1.rds.amazonaws.com", []),
        ("localhost", []),
        ("", []),
    ],
)
def test_endpoint_names(host: str, leads_to: list[str]) -> None:
    assert resolve(working(), host) == leads_to


def test_the_reader_endpoint_leads_to_the_writer_while_no_reader_is_up() -> None:
    alone = changed(lambda a: a.db_instances.pop())
    creating = changed(lambda a: a.db_instances[1].update(DBInstanceStatus="creating"))
    assert resolve(alone, CLUSTER_RO) == resolve(creating, CLUSTER_RO) == [WRITER]


def test_endpoints_follow_a_failover() -> None:
    def failover(account: Account) -> None:
        for member in account.db_clusters[0]["DBClusterMembers"]:
            member["IsClusterWriter"] = not member["IsClusterWriter"]

    assert resolve(changed(failover), CLUSTER) == [READER]
    assert resolve(changed(failover), CLUSTER_RO) == [WRITER]


def test_names_of_unfinished_resources_lead_nowhere() -> None:
    account = changed(
        lambda a: [database.pop("Endpoint") for database in a.db_instances],
        lambda a: a.db_clusters[0].update(Endpoint="", ReaderEndpoint=""),
    )
    assert resolve(account, "") == resolve(account, CLUSTER) == []
