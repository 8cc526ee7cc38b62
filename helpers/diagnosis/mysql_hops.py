"""The hops from the bastion to the database, and the login there.

Each is a function of the `Way` that returns what it has found, or raises `Broken`.
"""

from __future__ import annotations

import re
from difflib import get_close_matches

from botocore.exceptions import ClientError

from helpers import keys
from helpers._rules import GROUP_INBOUND
from helpers.bastion import NoRouteToDatabase
from helpers.database import DatabaseRefusedLogin, UnknownDatabase, connect
from helpers.diagnosis.ssh_hops import authorize, open_to
from helpers.diagnosis.way import Broken, Way
from helpers.network import DB_DOWN, resolve
from helpers.progress import FAILED
from helpers.ssh_tunnel import tunnel

EVENT_MINUTES = 14 * 24 * 60  # as long as RDS keeps events


def endpoint(way: Way) -> str:
    """RDS knows the name, and the port."""
    if not way.mysql_host:
        raise Broken("There is no DB cluster bookstore in this account and region", catch_up())
    host = way.mysql_host.lower().rstrip(".")
    leads_to = resolve(way.account, host)
    if not leads_to:
        raise _no_such_endpoint(way, host)
    databases = {db["DBInstanceIdentifier"]: db for db in way.account.db_instances}
    way.db_instance = databases[leads_to[0]]
    port = way.db_instance["Endpoint"]["Port"]
    if port != way.mysql_port:
        raise Broken(
            f"{way.mysql_host} listens on port {port}, and you ask for {way.mysql_port}",
            f"mysql_port = {port}",
        )
    return f"{way.mysql_host} leads to {' or '.join(leads_to)}"


def _no_such_endpoint(way: Way, host: str) -> Broken:
    of_clusters = [
        cluster.get(kind, "")
        for cluster in way.account.db_clusters
        for kind in ("Endpoint", "ReaderEndpoint")
    ]
    if host in map(str.lower, of_clusters):
        return Broken(f"The cluster of {way.mysql_host} has no DB instance", catch_up())
    of_instances = [db.get("Endpoint", {}).get("Address", "") for db in way.account.db_instances]
    known = [name for name in of_clusters + of_instances if name]
    near = get_close_matches(host, known, n=1, cutoff=0) or ["..."]
    return Broken(
        f'RDS has no endpoint "{way.mysql_host}" in this account and region',
        f'mysql_host = "{near[0]}"' if known else catch_up(),
    )


def catch_up() -> str:
    """The call that makes what is missing of cluster and instances."""
    return 'catch_up("1.4")'


def state(way: Way) -> str:
    """The cluster and its DB instance are up."""
    cluster, identifier = way.cluster, way.db_instance["DBInstanceIdentifier"]
    if way.db_instance["DBInstanceStatus"] in FAILED:
        raise _failed(way, identifier, way.db_instance["DBInstanceStatus"])
    name, status = cluster.get("DBClusterIdentifier"), cluster.get("Status", "available")
    if status in DB_DOWN | FAILED:
        raise Broken(f"The DB cluster {name} is {status}", _raise_cluster(str(name), status))
    status = way.db_instance["DBInstanceStatus"]
    if status in DB_DOWN:
        wait = (
            'wait_for(rds.describe_db_instances, "DBInstances.0.DBInstanceStatus", "available", '
            f'DBInstanceIdentifier="{identifier}")'
        )
        to_do = {"stopped": f'rds.start_db_instance(DBInstanceIdentifier="{identifier}")'}
        raise Broken(f"The DB instance {identifier} is {status}", to_do.get(status, wait))
    return f"{identifier} is {status}"


def _failed(way: Way, identifier: str, status: str) -> Broken:
    """Tell what RDS noted when the instance failed: it does not come back by itself."""
    look = f'rds.describe_events(SourceType="db-instance", SourceIdentifier="{identifier}")'
    try:
        events = way.rds.describe_events(
            SourceType="db-instance",
            SourceIdentifier=identifier,
            EventCategories=["failure", "low storage"],
            Duration=EVENT_MINUTES,
        )["Events"]
    except ClientError:  # The course's IAM policy does not need this call otherwise.
        events = []
    finding = f"The DB instance {identifier} is {status}"
    if not events:
        return Broken(finding, look)
    reason = max(events, key=lambda event: event["Date"])["Message"]
    command = re.search(r"Then type: ([^.]+)", reason)
    return Broken(f"{finding}: {reason.rstrip('.')}", command[1].strip() if command else look)


def _raise_cluster(name: str, status: str) -> str:
    path = '"DBClusters.0.Status"'
    argument = f'DBClusterIdentifier="{name}"'
    start = f"rds.start_db_cluster({argument})"
    to_do = {
        "stopped": start,
        "stopping": f'wait_for(rds.describe_db_clusters, {path}, "stopped", {argument}); {start}',
    }
    wait = f'wait_for(rds.describe_db_clusters, {path}, "available", {argument})'
    return to_do.get(status, wait)


def network(way: Way) -> str:
    """Bastion and database are in one VPC, and nothing on the bastion's side keeps it in."""
    blocked = way.to_database.blocked_at
    if blocked and blocked.what != GROUP_INBOUND:
        groups = ", ".join(f'"{g["GroupId"]}"' for g in way.bastion.get("SecurityGroups", []))
        look = {
            "same VPC": f'ec2.describe_vpcs(VpcIds=["{way.bastion["VpcId"]}"])',
            "security group, outbound": f"ec2.describe_security_groups(GroupIds=[{groups}])",
        }
        raise Broken(way.to_database.reason, look.get(blocked.what, "ec2.describe_network_acls()"))
    return next((h.because for h in way.to_database.hops if h.what == "same VPC"), "")


def rule_for_mysql(way: Way) -> str:
    """A security group of the database lets the bastion's group in."""
    if way.to_database.blocked_at:
        of_bastion = [g["GroupId"] for g in way.bastion.get("SecurityGroups", [])]
        worn = [g["VpcSecurityGroupId"] for g in way.db_instance.get("VpcSecurityGroups", [])]
        source = f'"UserIdGroupPairs": [{{"GroupId": "{of_bastion[0]}"}}]'
        raise Broken(
            way.to_database.reason + open_to(way, worn, way.mysql_port),
            authorize(worn, way.mysql_port, source),
        )
    return way.to_database.reason.partition(": ")[2]


def mysql_answers(way: Way) -> str:
    """A MySQL server greets at the other end."""
    assert way.through is not None and way.transport is not None
    try:
        way.through.check_database(way.transport, way.mysql_host, way.mysql_port)
    except NoRouteToDatabase:
        identifier = way.db_instance["DBInstanceIdentifier"]
        raise Broken(
            f"AWS lets the bastion through to {identifier}, and no MySQL server greets within "
            f"{way.timeout:g} seconds: it may be restarting",
            f'rds.describe_events(SourceType="db-instance", SourceIdentifier="{identifier}")',
        ) from None
    return f"a MySQL server greets at {way.mysql_host}"


def user_and_password(way: Way) -> str:
    """It lets you log in."""
    assert way.through is not None
    try:
        with tunnel(
            way.bastion_id,
            way.key_file,
            way.mysql_host,
            way.mysql_port,
            user=way.ssh_user,
            host_key=way.host_key,
            ssh_address=way.through.address,
            timeout=way.timeout,
        ) as opened:
            connect(opened, way.user, way.password, way.database).close()
    except DatabaseRefusedLogin:
        raise Broken(
            f'The database refuses the user "{way.user}" with this password', _log_in(way)
        ) from None
    except UnknownDatabase:
        # The password was looked at first, and was right.
        way.no_database = Broken(
            f'The user "{way.user}" has no database "{way.database}" on this server',
            f"In SQL: SHOW DATABASES; or make it: CREATE DATABASE `{way.database}`",
        )
    return f'the database lets "{way.user}" in'


def _log_in(way: Way) -> str:
    master, cluster = way.cluster.get("MasterUsername"), way.cluster.get("DBClusterIdentifier")
    secret = way.cluster.get("MasterUserSecret", {}).get("SecretArn")
    if way.user != master:
        return f'user = "{master}"'
    if secret:
        return f'boto3.client("secretsmanager").get_secret_value(SecretId="{secret}")'
    if cluster == "bookstore" and way.password == keys.password("bookstore"):
        new = 'password("bookstore")'
    else:
        new = "..."
    return (
        f'rds.modify_db_cluster(DBClusterIdentifier="{cluster}", MasterUserPassword={new}, '
        "ApplyImmediately=True)"
    )


def database(way: Way) -> str:
    """The server has the database."""
    if way.no_database:
        raise way.no_database
    return f"{way.database} is there" if way.database else "none was asked for"


HOPS = {
    "endpoint": endpoint,
    "database's state": state,
    "network": network,
    "port 3306 rule": rule_for_mysql,
    "MySQL answers": mysql_answers,
    "user and password": user_and_password,
    "database": database,
}
