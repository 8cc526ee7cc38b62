"""Catching up runs what the earlier pages run; checks say what is missing."""

import boto3
import pytest

import helpers
from helpers.pages import pages
from tests.conftest import Lab1, RunningSandbox

pytestmark = pytest.mark.database


def test_pages_are_in_the_order_of_their_numbers() -> None:
    numbers = list(pages())
    assert numbers[:3] == ["00", "1.1", "1.2"]
    assert numbers == sorted(numbers, key=lambda n: [int(part) for part in n.split(".")])


def test_an_unknown_page() -> None:
    with pytest.raises(helpers.CourseError, match=r"1\.1"):
        helpers.catch_up("7.7")
    with pytest.raises(helpers.CourseError, match=r"1\.1"):
        helpers.check("7.7")


def test_checks_fail_on_an_empty_account_and_say_where_to_go(sandbox: RunningSandbox) -> None:
    for page in ("1.1", "1.2", "1.3", "1.4", "1.5"):
        result = helpers.check(page)
        assert not result.passed, page
        missing = result[result["done"] == "no"]
        assert missing["to do"].str.contains(r"[Pp]age \d\.\d|step").any(), missing


def test_catching_up_builds_and_then_changes_nothing(lab1: Lab1) -> None:
    for page in ("1.1", "1.2", "1.3"):
        assert helpers.check(page).passed, helpers.check(page)
    before = _everything()
    helpers.catch_up("1.4")
    assert _everything() == before


def test_a_half_done_account_is_completed(lab1: Lab1) -> None:
    ec2 = boto3.client("ec2")
    group = helpers.find("security-group", "bookstore-database")
    rules = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=rules)
    failed = helpers.check("1.1")
    assert list(failed[failed["done"] == "no"]["to do"].str.contains("3306")) == [True]
    helpers.catch_up("1.4")
    assert helpers.check("1.1").passed


@pytest.mark.parametrize("opening", ["0.0.0.0/0", "198.51.100.7/32"])
def test_a_door_that_is_open_too_wide_does_not_pass(lab1: Lab1, opening: str) -> None:
    ec2 = boto3.client("ec2")
    group = helpers.find("security-group", "bookstore-bastion")
    wide = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": opening}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[wide])
    assert not helpers.check("1.1").passed
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[wide])
    assert helpers.check("1.1").passed


def _everything() -> dict:
    account = helpers.describe_account(boto3.client("ec2"), boto3.client("rds"))
    names = ("vpcs", "subnets", "route_tables", "security_groups", "instances", "db_instances")
    found = {name: getattr(account, name) for name in names}
    for database in found["db_instances"]:
        database.pop("LatestRestorableTime")  # moves on by itself
    return found
