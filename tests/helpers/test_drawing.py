"""The network map: well-formed, complete, deterministic, and its arrows tell the truth."""

import dataclasses
from xml.etree import ElementTree

import pytest

from helpers.drawing import Drawing, network_map
from helpers.network import Account

YOU = "203.0.113.25"
SVG = "{http://www.w3.org/2000/svg}"
ALL = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]


def name(text: str) -> list[dict]:
    return [{"Key": "Name", "Value": text}]


def subnet(number: int, zone: str, text: str, vpc: str = "vpc-01") -> dict:
    cidr = f"10.0.{number}.0/24"
    place = {"AvailabilityZone": f"us-east-1{zone}", "CidrBlock": cidr, "VpcId": vpc}
    return {"SubnetId": f"subnet-0{number}", "Tags": name(text), **place}


def ec2(instance_id: str, text: str, subnet_id: str = "subnet-00", **changes: object) -> dict:
    return {
        "InstanceId": instance_id,
        "State": {"Name": "running"},
        "Tags": name(text),
        "SubnetId": subnet_id,
        "VpcId": "vpc-01",
        "PublicIpAddress": "198.51.100.7",
        "PrivateIpAddress": "10.0.0.4",
        "SecurityGroups": [{"GroupId": "sg-0b"}],
        **changes,
    }


def db(number: int, zone: str, status: str = "available") -> dict:
    ids = ("subnet-01", "subnet-02")
    return {
        "DBInstanceIdentifier": f"bookstore-{number}",
        "DBInstanceStatus": status,
        "Engine": "aurora-mysql",
        "AvailabilityZone": f"us-east-1{zone}",
        "DBSubnetGroup": {"VpcId": "vpc-01", "Subnets": [{"SubnetIdentifier": i} for i in ids]},
        "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-0d"}],
        "Endpoint": {"Address": f"bookstore-{number}.example", "Port": 3306},
    }


def group(group_id: str, text: str, port: int, **peer: object) -> dict:
    rule = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **peer}
    rules = {"IpPermissions": [rule], "IpPermissionsEgress": ALL}
    return {"GroupId": group_id, "GroupName": text, "VpcId": "vpc-01", **rules}


def bookstore(**changes: object) -> Account:
    """The account as Lab 1 leaves it."""
    to_internet = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-01", "State": "active"}
    members = [
        {"DBInstanceIdentifier": "bookstore-1", "IsClusterWriter": True},
        {"DBInstanceIdentifier": "bookstore-2", "IsClusterWriter": False},
    ]
    account = Account(
        vpcs=[{"VpcId": "vpc-01", "CidrBlock": "10.0.0.0/16", "Tags": name("bookstore")}],
        subnets=[
            subnet(0, "a", "bookstore-public"),
            subnet(1, "a", "bookstore-private-a"),
            subnet(2, "b", "bookstore-private-b"),
        ],
        route_tables=[
            {
                "RouteTableId": "rtb-01",
                "VpcId": "vpc-01",
                "Associations": [{"SubnetId": "subnet-00"}],
                "Routes": [to_internet],
            }
        ],
        internet_gateways=[{"InternetGatewayId": "igw-01", "Attachments": [{"VpcId": "vpc-01"}]}],
        security_groups=[
            group("sg-0b", "bookstore-bastion", 22, IpRanges=[{"CidrIp": f"{YOU}/32"}]),
            group("sg-0d", "bookstore-database", 3306, UserIdGroupPairs=[{"GroupId": "sg-0b"}]),
        ],
        instances=[ec2("i-0b", "bookstore-bastion")],
        db_instances=[db(1, "a"), db(2, "b")],
        db_clusters=[{"DBClusterIdentifier": "bookstore", "DBClusterMembers": members}],
    )
    return dataclasses.replace(account, **changes)  # type: ignore[arg-type]


def default_vpc() -> dict:
    return {"VpcId": "vpc-0f", "CidrBlock": "172.31.0.0/16", "IsDefault": True, "Tags": []}


def closed(account: Account, group_id: str) -> Account:
    """The account with the inbound rules of one security group taken away."""
    groups = [
        {**g, "IpPermissions": []} if g["GroupId"] == group_id else g
        for g in account.security_groups
    ]
    return dataclasses.replace(account, security_groups=groups)


def arrows(drawing: Drawing) -> dict[str, str]:
    """Each arrow's class by the beginning of its title."""
    root = ElementTree.fromstring(drawing.svg)
    groups = [g for g in root.iter(f"{SVG}g") if g.get("class", "").startswith("arrow")]
    return {g.findtext(f"{SVG}title", ""): g.get("class", "") for g in groups}


def labels(drawing: Drawing) -> str:
    texts = ElementTree.fromstring(drawing.svg).iter(f"{SVG}text")
    return " ".join(t.text or "" for t in texts).replace("\u00a0", " ")


FOUR = [
    subnet(0, "a", "bookstore-public"),
    subnet(1, "a", "bookstore-private-a"),
    subnet(2, "b", "bookstore-private-b"),
    subnet(3, "b", "bookstore-public-b"),
]
OTHER = [subnet(number, zone, "", vpc="vpc-0f") for number, zone in ((20, "a"), (21, "f"))]
SITUATIONS = {
    "empty": Account(),
    "VPC only": Account(vpcs=bookstore().vpcs),
    "subnets only": bookstore(instances=[], db_instances=[], db_clusters=[]),
    "four subnets": bookstore(subnets=FOUR),
    "no databases": bookstore(db_instances=[], db_clusters=[]),
    "no bastion": bookstore(instances=[]),
    "complete": bookstore(),
    "database being created": bookstore(db_instances=[{**db(1, "a"), "AvailabilityZone": None}]),
    "long names": bookstore(instances=[ec2("i-0b", "b" * 255)]),
    "only the default VPC": Account(vpcs=[default_vpc()], subnets=OTHER),
    "two VPCs": bookstore(
        vpcs=[default_vpc(), *bookstore().vpcs],
        subnets=[*FOUR, *OTHER],
        instances=[
            ec2("i-0b", "bookstore-bastion"),
            ec2("i-0c", "web", "subnet-020", VpcId="vpc-0f"),
        ],
    ),
}


@pytest.mark.parametrize("account", SITUATIONS.values(), ids=SITUATIONS.keys())
def test_every_situation_gives_a_well_formed_accessible_picture(account: Account) -> None:
    drawing = network_map(account, YOU)
    root = ElementTree.fromstring(drawing.svg)
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == "Map of this account's network"
    assert root.findtext(f"{SVG}desc") == repr(drawing)
    assert not [e for e in root.iter() if e.get("id")], "ids would clash with another picture's"


@pytest.mark.parametrize("account", SITUATIONS.values(), ids=SITUATIONS.keys())
def test_everything_stays_on_the_page(account: Account) -> None:
    root = ElementTree.fromstring(network_map(account, YOU).svg)
    _, _, width, height = map(float, root.get("viewBox", "").split())
    boxes = [r for r in root.iter(f"{SVG}rect") if r.get("x")]
    assert all(float(r.get("x", 0)) + float(r.get("width", 0)) <= width for r in boxes)
    assert all(float(r.get("y", 0)) + float(r.get("height", 0)) <= height for r in boxes)
    assert all(float(t.get("y", 0)) < height for t in root.iter(f"{SVG}text"))


def test_the_same_account_in_any_order_gives_the_same_picture() -> None:
    account = SITUATIONS["two VPCs"]
    turned = Account(
        **{f.name: getattr(account, f.name)[::-1] for f in dataclasses.fields(account)}
    )
    assert network_map(account, YOU) == network_map(account, YOU) == network_map(turned, YOU)


def test_picture_and_text_name_everything() -> None:
    drawing = network_map(bookstore(), YOU)
    ids = ["vpc-01", "igw-01", "subnet-00", "subnet-01", "subnet-02", "i-0b"]
    facts = [
        "bookstore-1",
        "bookstore-2",
        "10.0.0.0/16",
        "10.0.2.0/24",
        "us-east-1b",
        "198.51.100.7",
        "10.0.0.4",
        YOU,
    ]
    for word in [*ids, *facts, "running", "available", "writer", "reader", "public", "private"]:
        assert word in labels(drawing)
        assert word in repr(drawing)


def test_notebooks_get_the_svg_and_the_text_and_no_html() -> None:
    drawing = network_map(bookstore(), YOU)
    assert drawing._repr_svg_() == drawing.svg
    assert not hasattr(drawing, "_repr_html_")


def test_open_doors_are_green_and_name_the_rule() -> None:
    drawing = network_map(bookstore(), YOU)
    assert set(arrows(drawing).values()) == {"arrow allowed"}
    assert "port 22 from you: sg bookstore-bastion allows 22 from 203.0.113.25/32" in labels(
        drawing
    )
    database = "sg bookstore-database allows 3306 from sg bookstore-bastion"
    assert labels(drawing).count(database) == 2


@pytest.mark.parametrize(
    ("group_id", "blocked", "reason"),
    [
        ("sg-0b", "port 22", "sg bookstore-bastion has no inbound rule for port 22 from"),
        ("sg-0d", "port 3306", "sg bookstore-database has no inbound rule for port 3306 from"),
    ],
)
def test_an_arrow_turns_red_when_its_rule_goes(group_id: str, blocked: str, reason: str) -> None:
    drawing = network_map(closed(bookstore(), group_id), YOU)
    for title, kind in arrows(drawing).items():
        assert kind == ("arrow blocked" if title.startswith(blocked) else "arrow allowed")
    assert reason in labels(drawing)


def test_stopped_bastion_blocks_both_ways_in() -> None:
    stopped = ec2("i-0b", "bookstore-bastion", State={"Name": "stopped"}, PublicIpAddress="")
    drawing = network_map(bookstore(instances=[stopped]), YOU)
    assert set(arrows(drawing).values()) == {"arrow blocked"}
    assert "public none" in labels(drawing)


def test_a_terminated_instance_is_not_drawn() -> None:
    gone = {"InstanceId": "i-0e", "State": {"Name": "terminated"}}
    drawing = network_map(bookstore(instances=[gone]), YOU)
    assert "i-0e" not in drawing.svg


def test_public_is_told_by_the_route_and_not_by_the_name() -> None:
    text = repr(network_map(bookstore(route_tables=[]), YOU))
    assert "private subnet bookstore-public " in text
    assert "public subnet" not in text


def test_two_instances_of_one_name_do_not_share_arrows() -> None:
    twin = ec2("i-0c", "bookstore-bastion", SecurityGroups=[{"GroupId": "sg-0d"}])
    drawing = network_map(bookstore(instances=[twin, ec2("i-0b", "bookstore-bastion")]), YOU)
    assert sorted(arrows(drawing).values()) == ["arrow allowed"] * 2 + ["arrow blocked"]
    root = ElementTree.fromstring(drawing.svg)
    lines = [g for g in root.iter(f"{SVG}g") if g.get("class", "").startswith("arrow")]
    assert len(lines) == 4, "you to each instance, one bastion to each database"


def test_names_are_escaped() -> None:
    nasty = '<script>alert("1")</script> & co'
    drawing = network_map(bookstore(vpcs=[{**bookstore().vpcs[0], "Tags": name(nasty)}]), YOU)
    assert "<script" not in drawing.svg
    assert nasty in ElementTree.fromstring(drawing.svg).findtext(f"{SVG}desc", "")


def test_an_empty_account_says_what_to_do() -> None:
    drawing = network_map(Account(), YOU)
    assert "no VPC yet: create one on page 1.1" in labels(drawing)
    assert repr(drawing).endswith("no VPC yet: create one on page 1.1")


def test_the_default_vpc_is_drawn_only_when_alone_or_used() -> None:
    alone = Account(vpcs=[default_vpc()], subnets=OTHER)
    empty = bookstore(vpcs=[default_vpc(), *bookstore().vpcs], subnets=[*FOUR, *OTHER])
    assert "vpc-0f" in labels(network_map(alone))
    assert "vpc-0f" not in labels(network_map(empty))
    assert "vpc-0f" in labels(network_map(SITUATIONS["two VPCs"]))


def test_without_an_address_no_arrow_starts_at_you() -> None:
    drawing = network_map(bookstore())
    assert all(title.startswith("port 3306") for title in arrows(drawing))
    assert "Internet (you)" in repr(drawing)
