"""Stopping what runs: what bears the course's tag and your name, and nothing else."""

from datetime import timedelta
from typing import Any

import boto3
import pytest

import helpers
from helpers import running
from helpers.existing import COURSE, tagged
from tests.conftest import RunningSandbox

pytestmark = pytest.mark.database


def bastion(name: str, *tags: dict[str, str]) -> str:
    """Launch an instance with these tags."""
    ec2: Any = boto3.client("ec2")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    named = {"Key": "Name", "Value": name}
    made = ec2.run_instances(
        ImageId=image,
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": [named, *tags]}],
    )["Instances"][0]["InstanceId"]
    ec2.get_waiter("instance_running").wait(InstanceIds=[made])
    return made


def test_only_what_is_the_courses_and_yours_is_stopped(sandbox: RunningSandbox) -> None:
    mine, strange = bastion("mine", COURSE), bastion("strange")
    ec2 = boto3.client("ec2")
    other = bastion("other", COURSE)
    ec2.create_tags(Resources=[other], Tags=[{"Key": "student", "Value": "somebody else"}])
    rds = boto3.client("rds")
    rds.create_db_cluster(
        DBClusterIdentifier="new",
        Engine="aurora-mysql",
        MasterUsername="admin",
        MasterUserPassword=helpers.password("new"),
        Tags=[COURSE],
    )
    table = helpers.stop_everything()
    assert list(table["what"]) == ["EC2 instance", "DB cluster"]
    assert list(table["name"]) == ["mine", "new"]
    assert table["now"][0] == "stopping"
    assert table["now"][1].startswith("creating: can be stopped when it is available")
    states = {
        instance["InstanceId"]: instance["State"]["Name"]
        for reservation in ec2.describe_instances()["Reservations"]
        for instance in reservation["Instances"]
    }
    assert states[mine] in ("stopping", "stopped")
    assert states[strange] == states[other] == "running"


def test_what_the_course_tags_gets_the_students_name_and_nothing_else_does(
    sandbox: RunningSandbox,
) -> None:
    ec2 = boto3.client("ec2")
    given = tagged("vpc", "ours")
    ours = ec2.create_vpc(CidrBlock="10.8.0.0/16", TagSpecifications=given)["Vpc"]["Tags"]
    assert {"Key": "student", "Value": "student"} in ours
    assert given == tagged("vpc", "ours"), "the caller's own list was changed"
    boto3.setup_default_session()
    table = boto3.client("dynamodb").create_table(
        TableName="Ours",
        KeySchema=[{"AttributeName": "a", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "a", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        Tags=[COURSE],
    )["TableDescription"]["TableArn"]
    tags = boto3.client("dynamodb").list_tags_of_resource(ResourceArn=table)["Tags"]
    assert tags == [COURSE, {"Key": "student", "Value": "student"}]
    others = [{"ResourceType": "vpc", "Tags": [{"Key": "a", "Value": "b"}]}]
    theirs = ec2.create_vpc(CidrBlock="10.8.0.0/16", TagSpecifications=others)["Vpc"]["Tags"]
    assert theirs == [{"Key": "a", "Value": "b"}]


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(minutes=5, seconds=59), "5 min"),
        (timedelta(hours=3, minutes=7), "3 h 7 min"),
        (timedelta(days=1, hours=2), "1 day 2 h"),
        (timedelta(days=12), "12 days 0 h"),
    ],
)
def test_how_long_in_words(span: timedelta, words: str) -> None:
    assert running._long(span) == words
