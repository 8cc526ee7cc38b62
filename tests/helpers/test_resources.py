"""The list of what the course made, and the check of page 1.9, on a real sandbox."""

from helpers import COURSE, check, inventory
from helpers.resources import KINDS


def make_network(ec2, rds, name: str, tags: list) -> str:
    """Make a VPC, two subnets, a DB subnet group, a key pair and a machine; return its id."""

    def of(kind):
        return [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}, *tags]}]

    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=of("vpc"))["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(
            VpcId=vpc,
            CidrBlock=f"10.0.{n}.0/24",
            AvailabilityZone=zone,
            TagSpecifications=of("subnet"),
        )["Subnet"]["SubnetId"]
        for n, zone in enumerate(("us-east-1a", "us-east-1b"))
    ]
    rds.create_db_subnet_group(
        DBSubnetGroupName=name, DBSubnetGroupDescription=name, SubnetIds=subnets, Tags=tags
    )
    ec2.create_key_pair(KeyName=name, TagSpecifications=of("key-pair"))
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    instance = ec2.run_instances(
        ImageId=image,
        MinCount=1,
        MaxCount=1,
        SubnetId=subnets[0],
        TagSpecifications=of("instance"),
    )["Instances"][0]["InstanceId"]
    return instance


def test_from_an_empty_account_to_things_left(sandbox):
    """One scenario, because a sandbox of its own takes each test seconds."""
    ec2, rds = sandbox.client("ec2"), sandbox.client("rds")
    assert inventory().empty
    assert list(inventory().per_kind()["what"]) == list(KINDS)
    assert set(inventory().per_kind()["left"]) == {0}
    assert check("1.9").passed

    make_network(ec2, rds, "theirs", [])  # without the tag it is not ours
    assert inventory().empty

    instance = make_network(ec2, rds, "ours", [COURSE])
    made = inventory()
    expected = ["DB subnet group", "EC2 instance", "key pair", "subnet", "subnet", "VPC"]
    assert list(made["what"]) == expected
    assert set(made["name"]) == {"ours"}
    assert instance in set(made["id"])
    assert dict(made.per_kind().values)["subnet"] == 2

    result = check("1.9")
    assert not result.passed
    refused = {row[0]: row[2] for row in result.values if row[1] == "no"}
    assert set(refused) == {f"No {kind}" for kind in expected}
    assert all("ours" in todo for todo in refused.values())

    # On its way it is still something, terminated it is nothing.
    ec2.terminate_instances(InstanceIds=[instance])
    states = [dict(inventory()[["what", "state"]].values).get("EC2 instance") for _ in range(4)]
    assert states[0] == "shutting-down" and states[-1] is None
