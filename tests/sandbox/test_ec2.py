"""EC2: what moto lacks and the course relies on."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

import helpers
from tests.conftest import Lab1


@pytest.fixture(scope="module")
def ec2(sandbox) -> Any:
    return boto3.client("ec2")


def _state(ec2, instance: str) -> str:
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    return found["State"]["Name"]


def _refusal(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return refused.value.response["Error"]["Code"]


@pytest.fixture
def instance(ec2, sandbox) -> str:
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    made = ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1)
    return made["Instances"][0]["InstanceId"]


def test_an_instance_passes_through_awss_states(ec2, instance) -> None:
    assert [_state(ec2, instance) for _ in range(3)] == ["pending", "running", "running"]
    ec2.stop_instances(InstanceIds=[instance])
    assert [_state(ec2, instance) for _ in range(2)] == ["stopping", "stopped"]
    ec2.start_instances(InstanceIds=[instance])
    assert [_state(ec2, instance) for _ in range(2)] == ["pending", "running"]
    ec2.terminate_instances(InstanceIds=[instance])
    assert [_state(ec2, instance) for _ in range(2)] == ["shutting-down", "terminated"]
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []


def test_the_public_address_changes_when_an_instance_is_started_again(ec2, lab1: Lab1) -> None:
    def address() -> str | None:
        found = ec2.describe_instances(InstanceIds=[lab1.bastion])
        return found["Reservations"][0]["Instances"][0].get("PublicIpAddress")

    before = address()
    ec2.stop_instances(InstanceIds=[lab1.bastion])
    assert address() is None
    ec2.start_instances(InstanceIds=[lab1.bastion])
    assert address() not in (None, before)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"KeyName": "nobody-made-it"}, "InvalidKeyPair.NotFound"),
        ({"ImageId": "ami-00000000000000000"}, "InvalidAMIID.NotFound"),
        ({"InstanceType": "t3.gigantic"}, "InvalidInstanceType"),
    ],
)
def test_what_does_not_exist_is_refused(ec2, wrong, code) -> None:
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    good = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    assert _refusal(ec2.run_instances, **{**good, **wrong}).startswith(code)


def test_the_image_that_ssm_names_exists(ec2) -> None:
    name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
    image = boto3.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
    assert ec2.describe_images(ImageIds=[image])["Images"][0]["State"] == "available"


def test_the_console_tells_the_host_key_that_the_bastion_has(ec2, lab1: Lab1) -> None:
    text = ec2.get_console_output(InstanceId=lab1.bastion)["Output"]
    told = text.split("-----")[2].split()
    assert told[0] == "ssh-ed25519"
    file = lab1.sandbox.home / "bastions" / lab1.bastion / "host_key"
    import asyncssh

    assert told[1] in asyncssh.read_private_key(file).export_public_key().decode()


def test_what_is_in_use_is_not_deleted(ec2, lab1: Lab1) -> None:
    vpc = helpers.find("vpc", "bookstore")
    gateway = helpers.find("internet-gateway", "bookstore")
    refusals = [
        _refusal(ec2.delete_subnet, SubnetId=helpers.find("subnet", "bookstore-public")),
        _refusal(ec2.delete_subnet, SubnetId=helpers.find("subnet", "bookstore-private-a")),
        _refusal(
            ec2.delete_security_group,
            GroupId=helpers.find("security-group", "bookstore-database"),
        ),
        _refusal(
            ec2.delete_security_group,
            GroupId=helpers.find("security-group", "bookstore-bastion"),
        ),
        _refusal(ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc),
        _refusal(ec2.delete_vpc, VpcId=vpc),
    ]
    assert refusals == ["DependencyViolation"] * 6


def test_ids_are_the_same_in_every_sandbox(sandbox, lab1: Lab1) -> None:
    """The ids that the stored pages show; a change of them makes every page differ."""
    assert helpers.find("vpc", "bookstore") == "vpc-b2326b9ff5542db30"
    ec2 = boto3.client("ec2")
    for _ in range(3):
        ec2.describe_vpcs()  # looking changes nothing
    first = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    assert first != helpers.find("internet-gateway", "bookstore")
