"""What AWS acknowledged is there after a stop, a kill, a full disk and a clock that is set back."""

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore.exceptions import ClientError

from sandbox import pace as pace_module
from sandbox.pace import Pace, Passage
from tests.conftest import RunningSandbox, sandbox_command

pytestmark = pytest.mark.own_process
WORDS = ("TableName", "TableId", "CreationDateTime", "ItemCount", "TableStatus", "TableArn")


def _kill(running: RunningSandbox) -> None:
    process = psutil.Process(running.status()["pid"])
    process.kill()
    with suppress(psutil.NoSuchProcess):
        process.wait(10)


def _stop(running: RunningSandbox) -> None:
    assert sandbox_command(running.home, "stop").returncode == 0


def _start(running: RunningSandbox, *words: str) -> None:
    started = sandbox_command(running.home, "start", *words)
    assert started.returncode == 0, started.stderr


def _make_table(dynamodb: Any, name: str = "Books", **more: Any) -> None:
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "Author", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": n, "AttributeType": "S"} for n in ("Author", "Category")
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "CategoryIndex",
                "KeySchema": [{"AttributeName": "Category", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
        **more,
    )
    dynamodb.describe_table(TableName=name)


def _put(dynamodb: Any, author: str, category: str, name: str = "Books", **more: Any) -> None:
    item = {"Author": {"S": author}, "Category": {"S": category}, **more}
    dynamodb.put_item(TableName=name, Item=item)


@pytest.mark.parametrize("end", [_stop, _kill], ids=["stop", "kill"])
def test_the_account_is_the_same_after_an_end(start_sandbox, end) -> None:
    running = start_sandbox()
    ec2, iam, dynamodb = (boto3.client(name) for name in ("ec2", "iam", "dynamodb"))
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")
    ec2.create_key_pair(KeyName="pair")
    iam.create_user(UserName="somebody", Tags=[{"Key": "a", "Value": "b"}])
    boto3.client("secretsmanager").create_secret(Name="word", SecretString="x")
    _make_table(dynamodb)
    _put(dynamodb, "Grisham", "Suspense")

    def seen() -> list[Any]:
        table = dynamodb.describe_table(TableName="Books")["Table"]
        return [
            ec2.describe_vpcs()["Vpcs"],
            ec2.describe_subnets()["Subnets"],
            ec2.describe_security_groups()["SecurityGroups"],
            ec2.describe_key_pairs()["KeyPairs"],
            [
                (image["ImageId"], image["BlockDeviceMappings"])
                for image in ec2.describe_images(Owners=["amazon"])["Images"]
            ],
            iam.list_users()["Users"],
            iam.list_access_keys(UserName="student")["AccessKeyMetadata"],
            [s["Name"] for s in boto3.client("secretsmanager").list_secrets()["SecretList"]],
            {word: table[word] for word in WORDS},
            dynamodb.scan(TableName="Books")["Items"],
        ]

    before = seen()
    end(running)
    _start(running)
    assert seen() == before
    # And it goes on where it was: the next id is a new one.
    assert ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"] != vpc


def test_items_indexes_backups_history_streams_and_tokens(start_sandbox) -> None:
    running = start_sandbox()
    dynamodb, streams = boto3.client("dynamodb"), boto3.client("dynamodbstreams")
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    _make_table(dynamodb, StreamSpecification=stream)
    dynamodb.update_continuous_backups(
        TableName="Books", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    _put(dynamodb, "Grisham", "Suspense")
    backup = dynamodb.create_backup(TableName="Books", BackupName="before")["BackupDetails"]
    dynamodb.describe_backup(BackupArn=backup["BackupArn"])
    time.sleep(1.1)  # DynamoDB's clock for recovery has whole seconds
    moment = time.time()
    time.sleep(1.1)
    _put(dynamodb, "Grisham", "Drama")
    dynamodb.delete_item(TableName="Books", Key={"Author": {"S": "nobody"}})
    write = {"Put": {"TableName": "Books", "Item": {"Author": {"S": "Seuss"}}}}
    once = {"TransactItems": [write], "ClientRequestToken": "token-1"}
    dynamodb.transact_write_items(**once)
    dynamodb.delete_item(TableName="Books", Key={"Author": {"S": "Seuss"}})
    _kill(running)
    _start(running)

    found = dynamodb.query(
        TableName="Books",
        IndexName="CategoryIndex",
        KeyConditionExpression="Category = :c",
        ExpressionAttributeValues={":c": {"S": "Drama"}},
    )
    assert [item["Author"]["S"] for item in found["Items"]] == ["Grisham"]
    dynamodb.transact_write_items(**once)  # done already: it does nothing now
    assert dynamodb.scan(TableName="Books")["Count"] == 1
    restored = dynamodb.restore_table_from_backup(
        TargetTableName="FromBackup", BackupArn=backup["BackupArn"]
    )
    assert restored["TableDescription"]["TableName"] == "FromBackup"
    dynamodb.restore_table_to_point_in_time(
        SourceTableName="Books", TargetTableName="FromThen", RestoreDateTime=moment
    )
    for name in ("FromBackup", "FromThen"):
        dynamodb.describe_table(TableName=name)
        (item,) = dynamodb.scan(TableName=name)["Items"]
        assert item["Category"]["S"] == "Suspense"
    arn = dynamodb.describe_table(TableName="Books")["Table"]["LatestStreamArn"]
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    records = streams.get_records(ShardIterator=iterator)["Records"]
    assert [r["eventName"] for r in records] == ["INSERT", "MODIFY", "INSERT", "REMOVE"]
    assert len({r["dynamodb"]["SequenceNumber"] for r in records}) == 4


def test_what_was_restored_and_what_was_deleted_stay_so(start_sandbox) -> None:
    running = start_sandbox()
    dynamodb = boto3.client("dynamodb")
    _make_table(dynamodb)
    _put(dynamodb, "Grisham", "Suspense")
    arn = dynamodb.create_backup(TableName="Books", BackupName="all")["BackupDetails"]["BackupArn"]
    dynamodb.describe_backup(BackupArn=arn)
    dynamodb.restore_table_from_backup(TargetTableName="Again", BackupArn=arn)
    dynamodb.describe_table(TableName="Again")
    dynamodb.delete_backup(BackupArn=arn)
    dynamodb.delete_table(TableName="Books")
    dynamodb.list_tables()
    assert dynamodb.list_tables()["TableNames"] == ["Again"]
    _kill(running)
    _start(running)
    assert dynamodb.list_tables()["TableNames"] == ["Again"]
    assert dynamodb.scan(TableName="Again")["Count"] == 1
    _make_table(dynamodb)  # a new one of the old name is empty
    assert dynamodb.scan(TableName="Books")["Count"] == 0
    _stop(running)
    with sqlite3.connect(running.home / "account.db") as db:
        assert db.execute("SELECT count(*) FROM items").fetchone() == (1,)
    db.close()


def test_time_to_live_goes_on(start_sandbox) -> None:
    running = start_sandbox()
    dynamodb = boto3.client("dynamodb")
    _make_table(dynamodb)
    dynamodb.update_time_to_live(
        TableName="Books", TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"}
    )
    for _ in range(2):
        status = dynamodb.describe_time_to_live(TableName="Books")["TimeToLiveDescription"]
    assert status["TimeToLiveStatus"] == "ENABLED"
    _put(dynamodb, "past", "a", until={"N": str(int(time.time()) + 1)})
    _put(dynamodb, "future", "a", until={"N": str(int(time.time()) + 10_000)})
    _kill(running)
    time.sleep(1.1)
    _start(running)
    assert [i["Author"]["S"] for i in dynamodb.scan(TableName="Books")["Items"]] == ["future"]


def test_a_bastion_is_found_at_the_same_place(start_sandbox) -> None:
    running = start_sandbox()
    ec2 = boto3.client("ec2")
    ec2.create_key_pair(KeyName="pair")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    (instance,) = ec2.run_instances(
        ImageId=image, InstanceType="t3.micro", KeyName="pair", MinCount=1, MaxCount=1
    )["Instances"]
    name = [instance["InstanceId"]]
    for _ in range(2):
        ec2.describe_instances(InstanceIds=name)
    before = running.status()["bastions"]
    key = ec2.get_console_output(InstanceId=name[0])["Output"]
    assert len(before) == 1
    _kill(running)
    _start(running)
    assert running.status()["bastions"] == before
    assert ec2.get_console_output(InstanceId=name[0])["Output"] == key


def test_what_was_on_its_way_arrives(start_sandbox) -> None:
    running = start_sandbox("lesson")
    dynamodb = boto3.client("dynamodb")
    dynamodb.create_table(
        TableName="Slow",
        KeySchema=[{"AttributeName": "a", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "a", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    assert dynamodb.describe_table(TableName="Slow")["Table"]["TableStatus"] == "CREATING"
    _kill(running)
    _start(running, "--pace", "lesson")
    dynamodb.get_waiter("table_exists").wait(TableName="Slow", WaiterConfig={"Delay": 1})
    dynamodb.put_item(TableName="Slow", Item={"a": {"S": "x"}})


def test_a_clock_that_is_set_back_delays_and_breaks_nothing(monkeypatch) -> None:
    shown: list[str] = []
    before = Pace("lesson")
    before.begin(Passage("Table", "t", ["CREATING"], "ACTIVE", shown.append))
    kept = before.passages()
    for hours, arrives in ((-5, False), (5, True)):
        after = Pace("lesson")
        then = time.time() + hours * 3600
        with monkeypatch.context() as clock:
            clock.setattr(pace_module.time, "time", lambda then=then: then)
            passage = Passage(**{**vars(kept[1][0]), "passing": ["CREATING"], "since": 0.0})
            after.resume((kept[0], [passage]))
        after.settle()
        assert (shown[-1] == "ACTIVE") is arrives


def test_a_running_sandbox_is_found_whatever_the_clock_says(start_sandbox, monkeypatch) -> None:
    running = start_sandbox()
    assert '"started"' not in (running.home / "running.json").read_text()
    again = sandbox_command(running.home, "start")
    assert "running already" in again.stdout


def test_the_key_of_the_student_comes_back_at_the_next_start(start_sandbox) -> None:
    running = start_sandbox()
    iam = boto3.client("iam")
    (key,) = iam.list_access_keys(UserName="student")["AccessKeyMetadata"]
    iam.delete_access_key(UserName="student", AccessKeyId=key["AccessKeyId"])
    with pytest.raises(ClientError):
        iam.list_users()
    _stop(running)
    _start(running)
    (again,) = iam.list_access_keys(UserName="student")["AccessKeyMetadata"]
    assert again["AccessKeyId"] == key["AccessKeyId"]


def test_two_sandboxes_on_one_home_do_not_start(start_sandbox) -> None:
    running = start_sandbox()
    _make_table(boto3.client("dynamodb"))
    pid = running.status()["pid"]
    (running.home / "running.json").unlink()  # as if the second knew nothing of the first
    second = sandbox_command(running.home, "start")
    assert second.returncode == 1
    assert "Another process is serving" in second.stderr
    assert "Traceback" not in second.stderr
    assert psutil.Process(pid).is_running()
    assert boto3.client("dynamodb").list_tables()["TableNames"] == ["Books"]
    psutil.Process(pid).kill()


def test_a_home_of_another_release_is_left_as_it_is(start_sandbox) -> None:
    running = start_sandbox()
    _make_table(boto3.client("dynamodb"))
    _stop(running)
    file = running.home / "account.db"
    for change in (
        "PRAGMA user_version = 99",
        "UPDATE facts SET value = x'00' WHERE name = 'account'",
    ):
        kept = file.read_bytes()
        with sqlite3.connect(file) as db:
            db.execute(change)
        db.close()
        spoilt = file.read_bytes()
        refused = sandbox_command(running.home, "start")
        assert refused.returncode == 1
        assert "release" in refused.stderr
        assert "python -m sandbox reset" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert file.read_bytes() == spoilt
        file.write_bytes(kept)
    _start(running)
    assert boto3.client("dynamodb").list_tables()["TableNames"] == ["Books"]


def test_a_home_from_before_the_account_was_kept_opens(start_sandbox) -> None:
    running = start_sandbox()
    _stop(running)
    (running.home / "account.db").unlink()
    _start(running)
    assert boto3.client("dynamodb").list_tables()["TableNames"] == []


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="a small disk is made as root, on Linux"
)
def test_a_full_disk_refuses_changes_and_loses_nothing(start_sandbox, tmp_path: Path) -> None:
    disk = tmp_path / "home"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(disk)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        running = start_sandbox()
        dynamodb = boto3.client("dynamodb")
        _make_table(dynamodb)
        _put(dynamodb, "before", "a")
        (disk / "filler").write_bytes(b"x" * 20_000_000)
        with pytest.raises(ClientError, match="Free some space") as refused:
            _put(dynamodb, "full", "a")
        assert refused.value.response["Error"]["Code"] == "InsufficientStorage"
        with pytest.raises(ClientError, match="Nothing was changed"):
            boto3.client("ec2").create_key_pair(KeyName="pair")
        assert dynamodb.scan(TableName="Books")["Count"] == 1
        assert boto3.client("ec2").describe_key_pairs()["KeyPairs"] == []
        (disk / "filler").unlink()
        _put(dynamodb, "after", "a")
        _kill(running)
        _start(running)
        assert {i["Author"]["S"] for i in dynamodb.scan(TableName="Books")["Items"]} == {
            "before",
            "after",
        }
        _stop(running)
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_in_memory_keeps_nothing(start_sandbox) -> None:
    running = start_sandbox()
    _stop(running)
    (running.home / "account.db").unlink()
    _start(running, "--in-memory")
    _make_table(boto3.client("dynamodb"))
    _stop(running)
    assert not (running.home / "account.db").exists()
    _start(running)
    assert boto3.client("dynamodb").list_tables()["TableNames"] == []
