"""Make an account that later releases must still open: one of each kind of resource.

    python -m tests.sandbox.homes.make tests/sandbox/homes/FORMAT-DATE.db

Run it with the release to remember. `test_old_homes.py` opens every file of this folder. Keys,
passwords and tokens inside are AWS's documented examples.
"""

import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import boto3

from tests.conftest import running_sandbox, sandbox_command

# The examples of AWS's documentation; as long as real ones.
KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
PASSWORD = "example-password"


def settled(dynamodb: Any, rds: Any, ec2: Any) -> None:
    """Make everything that has arrived in its lasting state."""
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    dynamodb.create_table(
        TableName="Books",
        KeySchema=[
            {"AttributeName": "Author", "KeyType": "HASH"},
            {"AttributeName": "Year", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "Author", "AttributeType": "S"},
            {"AttributeName": "Year", "AttributeType": "N"},
            {"AttributeName": "Category", "AttributeType": "S"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "CategoryIndex",
                "KeySchema": [{"AttributeName": "Category", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
                "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
            }
        ],
        LocalSecondaryIndexes=[
            {
                "IndexName": "ByCategory",
                "KeySchema": [
                    {"AttributeName": "Author", "KeyType": "HASH"},
                    {"AttributeName": "Category", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
        StreamSpecification=stream,
        Tags=[{"Key": "throttle", "Value": "on"}],
    )
    dynamodb.describe_table(TableName="Books")
    dynamodb.update_continuous_backups(
        TableName="Books", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    for year in range(2001, 2006):
        book = {
            "Author": {"S": "John Grisham"},
            "Year": {"N": str(year)},
            "Category": {"S": "Suspense" if year < 2004 else "Drama"},
            "Formats": {"M": {"Hardcover": {"S": "J4SUKVGU"}}},
        }
        dynamodb.put_item(TableName="Books", Item=book)
    backup = dynamodb.create_backup(TableName="Books", BackupName="five-books")["BackupDetails"]
    dynamodb.describe_backup(BackupArn=backup["BackupArn"])
    gone = {"Author": {"S": "John Grisham"}, "Year": {"N": "2005"}}
    added = {"Author": {"S": "Dr. Seuss"}, "Year": {"N": "1957"}}
    dynamodb.transact_write_items(
        TransactItems=[
            {"Delete": {"TableName": "Books", "Key": gone}},
            {"Put": {"TableName": "Books", "Item": added}},
        ],
        ClientRequestToken="example-token",
    )
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"us-east-1{z}")
        for n, z in enumerate("ab")
    ]
    names = [subnet["Subnet"]["SubnetId"] for subnet in subnets]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    group = ec2.create_security_group(GroupName="bastion", Description="SSH", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="203.0.113.0/24"
    )
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    for _ in range(2):
        ec2.run_instances(
            ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1, SubnetId=names[0],
            SecurityGroupIds=[group],
            TagSpecifications=[
                {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "bastion"}]}
            ],
        )  # fmt: skip
    ec2.describe_instances()
    rds.create_db_subnet_group(
        DBSubnetGroupName="private", DBSubnetGroupDescription="Two zones", SubnetIds=names
    )
    rds.create_db_cluster_parameter_group(
        DBClusterParameterGroupName="utc", DBParameterGroupFamily="aurora-mysql8.0",
        Description="Time zone",
    )  # fmt: skip
    rds.modify_db_cluster_parameter_group(
        DBClusterParameterGroupName="utc",
        Parameters=[
            {"ParameterName": "time_zone", "ParameterValue": "UTC", "ApplyMethod": "immediate"}
        ],
    )
    rds.create_db_cluster(
        DBClusterIdentifier="bookstore", Engine="aurora-mysql", MasterUsername="admin",
        MasterUserPassword=PASSWORD, DatabaseName="bookstore", DBSubnetGroupName="private",
        DBClusterParameterGroupName="utc",
    )  # fmt: skip
    for name in ("bookstore-1", "bookstore-2"):
        rds.create_db_instance(
            DBInstanceIdentifier=name, DBClusterIdentifier="bookstore", Engine="aurora-mysql",
            DBInstanceClass="db.t3.medium",
        )  # fmt: skip
    for _ in range(2):
        rds.describe_db_clusters()
        rds.describe_db_instances()
    rds.create_db_cluster_snapshot(
        DBClusterIdentifier="bookstore", DBClusterSnapshotIdentifier="first"
    )
    for _ in range(2):
        rds.describe_db_cluster_snapshots()
        rds.describe_db_clusters()
    boto3.client("secretsmanager").create_secret(Name="example", SecretString=PASSWORD)
    boto3.client("ssm").put_parameter(Name="example", Value="value", Type="String")
    boto3.client("iam").create_role(RoleName="example", AssumeRolePolicyDocument="{}")
    boto3.client("sqs").create_queue(QueueName="example")


def on_its_way(dynamodb: Any, rds: Any, ec2: Any) -> None:
    """Begin a change of each kind, at a pace at which none arrives soon."""
    key = [{"AttributeName": "id", "KeyType": "HASH"}]
    definition = [{"AttributeName": "id", "AttributeType": "S"}]
    dynamodb.create_table(
        TableName="Creating", KeySchema=key, AttributeDefinitions=definition,
        BillingMode="PAY_PER_REQUEST",
    )  # fmt: skip
    dynamodb.create_backup(TableName="Books", BackupName="creating")
    dynamodb.update_time_to_live(
        TableName="Books", TimeToLiveSpecification={"Enabled": True, "AttributeName": "Until"}
    )
    dynamodb.update_table(
        TableName="Books",
        GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "CategoryIndex"}}],
    )
    (instance, _) = [
        i["InstanceId"] for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]
    ]
    ec2.stop_instances(InstanceIds=[instance])
    rds.reboot_db_instance(DBInstanceIdentifier="bookstore-1")
    rds.delete_db_instance(DBInstanceIdentifier="bookstore-2", SkipFinalSnapshot=True)
    rds.create_db_cluster(
        DBClusterIdentifier="creating", Engine="aurora-mysql", MasterUsername="admin",
        MasterUserPassword=PASSWORD, DBSubnetGroupName="private",
    )  # fmt: skip


def without_secrets(account: Path, credentials: Path) -> None:
    """Replace the access key by AWS's documented one, of the same length."""
    words = credentials.read_text().split()
    with sqlite3.connect(account) as db:
        (content,) = db.execute("SELECT value FROM facts WHERE name = 'account'").fetchone()
        for found, example in ((words[3], KEY_ID), (words[6], SECRET_KEY)):
            assert len(found) == len(example) and found.encode() in content
            content = content.replace(found.encode(), example.encode())
        db.execute("UPDATE facts SET value = ? WHERE name = 'account'", (content,))
    db.execute("PRAGMA journal_mode = DELETE")
    db.execute("VACUUM")
    db.close()


def main() -> None:
    """Make the file that the command line names."""
    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        with running_sandbox(home) as running:
            clients = [boto3.client(name) for name in ("dynamodb", "rds", "ec2")]
            settled(*clients)
            time.sleep(2)
            assert sandbox_command(running.home, "stop").returncode == 0
            assert sandbox_command(running.home, "start", "--pace", "aws").returncode == 0
            on_its_way(*clients)
        without_secrets(home / "account.db", home / "aws" / "credentials")
        target.write_bytes((home / "account.db").read_bytes())


if __name__ == "__main__":
    main()
