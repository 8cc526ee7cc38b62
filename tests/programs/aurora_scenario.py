"""Aurora from nothing to nothing: a program such as AWS's getting-started examples are.

Plain boto3 and pymysql; it knows of no sandbox. Where the database can only be reached by way of
a bastion, the command in DATABASE_ADDRESS_COMMAND prints where on this machine it is, as host:port;
else the endpoint is used.

    python aurora_scenario.py
"""

import os
import secrets
import shlex
import subprocess
import time
from collections.abc import Callable
from typing import Any

import boto3
import pymysql

ENGINE = "aurora-mysql"
GROUP, CLUSTER, INSTANCE, SNAPSHOT = (
    f"scenario-{kind}" for kind in ("group", "cluster", "instance", "snapshot")
)
USER, PASSWORD = "operator", secrets.token_hex(12)

rds = boto3.client("rds")


def say(text: str, *what: object) -> None:
    """Print one step, so that whoever runs this sees how far it is."""
    print(text, *what, flush=True)


def choose_version() -> dict[str, Any]:
    """The newest engine version of the newest family."""
    versions = rds.describe_db_engine_versions(Engine=ENGINE)["DBEngineVersions"]
    families = sorted({version["DBParameterGroupFamily"] for version in versions})
    say("families:", *families)
    return [v for v in versions if v["DBParameterGroupFamily"] == families[-1]][-1]


def make_group(family: str) -> None:
    """A cluster parameter group of our own, in which automatic numbers go in steps of five."""
    rds.create_db_cluster_parameter_group(
        DBClusterParameterGroupName=GROUP,
        DBParameterGroupFamily=family,
        Description="numbers in steps of five",
    )
    pages = rds.get_paginator("describe_db_cluster_parameters").paginate(
        DBClusterParameterGroupName=GROUP
    )
    found = [
        parameter
        for page in pages
        for parameter in page["Parameters"]
        if parameter["ParameterName"].startswith("auto_increment") and parameter["IsModifiable"]
    ]
    for parameter in found:
        say(parameter["ParameterName"], "may be", parameter["AllowedValues"])
        low, high = map(int, parameter["AllowedValues"].split("-"))
        assert low <= 5 <= high
    rds.modify_db_cluster_parameter_group(
        DBClusterParameterGroupName=GROUP,
        Parameters=[
            {
                "ParameterName": parameter["ParameterName"],
                "ParameterValue": "5",
                "ApplyMethod": "immediate",
            }
            for parameter in found
        ],
    )
    mine = rds.describe_db_cluster_parameters(DBClusterParameterGroupName=GROUP, Source="user")
    values = {p["ParameterName"]: p["ParameterValue"] for p in mine["Parameters"]}
    assert values == {"auto_increment_increment": "5", "auto_increment_offset": "5"}, values


def make_cluster(version: str) -> dict[str, Any]:
    """A cluster with that group."""
    try:
        return rds.describe_db_clusters(DBClusterIdentifier=CLUSTER)["DBClusters"][0]
    except rds.exceptions.DBClusterNotFoundFault:
        say("making the cluster", CLUSTER)
    rds.create_db_cluster(
        DBClusterIdentifier=CLUSTER,
        DBClusterParameterGroupName=GROUP,
        DatabaseName="scenario",
        Engine=ENGINE,
        EngineVersion=version,
        MasterUsername=USER,
        MasterUserPassword=PASSWORD,
    )
    rds.get_waiter("db_cluster_available").wait(
        DBClusterIdentifier=CLUSTER, WaiterConfig={"Delay": 1}
    )
    return rds.describe_db_clusters(DBClusterIdentifier=CLUSTER)["DBClusters"][0]


def make_instance(version: str) -> None:
    """An instance of the smallest class that can be ordered."""
    pages = rds.get_paginator("describe_orderable_db_instance_options").paginate(
        Engine=ENGINE, EngineVersion=version
    )
    classes = [
        option["DBInstanceClass"] for page in pages for option in page["OrderableDBInstanceOptions"]
    ]
    (chosen,) = [name for name in classes if name == "db.t3.medium"]
    say(len(classes), "classes; taking", chosen)
    rds.create_db_instance(
        DBInstanceIdentifier=INSTANCE,
        DBClusterIdentifier=CLUSTER,
        Engine=ENGINE,
        DBInstanceClass=chosen,
    )
    rds.get_waiter("db_instance_available").wait(
        DBInstanceIdentifier=INSTANCE, WaiterConfig={"Delay": 1}
    )


def use(cluster: dict[str, Any]) -> None:
    """Log in and see the parameters at work."""
    host, port = cluster["Endpoint"], cluster["Port"]
    if command := os.environ.get("DATABASE_ADDRESS_COMMAND"):
        host, port = subprocess.check_output(shlex.split(command), text=True).split(":")
    connection = pymysql.connect(
        host=host,
        port=int(port),
        user=USER,
        password=PASSWORD,
        database="scenario",
    )
    with connection, connection.cursor() as cursor:
        cursor.execute("create table t (id int auto_increment primary key, word varchar(9))")
        cursor.execute("insert into t (word) values ('one'), ('two'), ('three')")
        connection.commit()
        cursor.execute("select id, word from t order by id")
        rows = cursor.fetchall()
    say("rows:", rows)
    assert [number for number, _ in rows] == [5, 10, 15]


def make_snapshot() -> None:
    """A snapshot of the cluster, and wait for it."""
    rds.create_db_cluster_snapshot(
        DBClusterIdentifier=CLUSTER, DBClusterSnapshotIdentifier=SNAPSHOT
    )
    rds.get_waiter("db_cluster_snapshot_available").wait(
        DBClusterSnapshotIdentifier=SNAPSHOT, WaiterConfig={"Delay": 1}
    )
    (found,) = rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=SNAPSHOT)[
        "DBClusterSnapshots"
    ]
    say("snapshot:", found["Status"])


def clean_up() -> None:
    """Delete it all, each thing once nothing needs it any more."""
    rds.delete_db_instance(DBInstanceIdentifier=INSTANCE, SkipFinalSnapshot=True)
    rds.delete_db_cluster(DBClusterIdentifier=CLUSTER, SkipFinalSnapshot=True)
    gone(
        rds.exceptions.DBInstanceNotFoundFault,
        lambda: rds.describe_db_instances(DBInstanceIdentifier=INSTANCE),
    )
    gone(
        rds.exceptions.DBClusterNotFoundFault,
        lambda: rds.describe_db_clusters(DBClusterIdentifier=CLUSTER),
    )
    rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=SNAPSHOT)
    rds.delete_db_cluster_parameter_group(DBClusterParameterGroupName=GROUP)
    say("all gone")


def gone(missing: type[Exception], look: Callable[[], object]) -> None:
    """Wait until a describe call finds it no more."""
    while True:
        try:
            look()
        except missing:
            return
        time.sleep(0.2)


if __name__ == "__main__":
    version = choose_version()
    say("version:", version["DBEngineVersionDescription"])
    make_group(version["DBParameterGroupFamily"])
    cluster = make_cluster(version["EngineVersion"])
    make_instance(version["EngineVersion"])
    use(cluster)
    make_snapshot()
    clean_up()
