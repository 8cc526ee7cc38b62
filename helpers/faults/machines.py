"""Faults of the machines: stopped, or with another password."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import boto3

from helpers.existing import find
from helpers.faults.fault import Fault, Memory, must_find, must_find_cluster, our_cluster, passing
from helpers.keys import password
from helpers.progress import StillWaiting, wait_for
from helpers.session import target

INSTANCE_STATE = "Reservations.0.Instances.0.State.Name"
STATUS = "DBClusters.0.Status"


@dataclass(frozen=True)
class InstanceStopped(Fault):
    """The bastion is stopped."""

    def remember(self) -> Memory:
        return {"instance": must_find("instance", "bookstore-bastion")}

    def plant(self, memory: Memory) -> None:
        ec2 = boto3.client("ec2")
        ec2.stop_instances(InstanceIds=[memory["instance"]])
        _wait_for_instance(memory, "stopped")

    def repair(self, memory: Memory) -> None:
        # Gone, when the lab was cleaned up or the sandbox emptied: then there is nothing to undo.
        if find("instance", "bookstore-bastion") != memory["instance"]:
            return
        if _instance_state(memory) == "stopping":
            _wait_for_instance(memory, "stopped")
        boto3.client("ec2").start_instances(InstanceIds=[memory["instance"]])
        _wait_for_instance(memory, "running")


def _wait_for_instance(memory: Memory, want: str) -> None:
    ec2 = boto3.client("ec2")
    wait_for(ec2.describe_instances, INSTANCE_STATE, want, InstanceIds=[memory["instance"]])


def _instance_state(memory: Memory) -> str:
    found = boto3.client("ec2").describe_instances(InstanceIds=[memory["instance"]])
    return found["Reservations"][0]["Instances"][0]["State"]["Name"]


@dataclass(frozen=True)
class PasswordChanged(Fault):
    """The master user has another password than the one that is kept."""

    def remember(self) -> Memory:
        must_find_cluster()
        return {}

    def plant(self, memory: Memory) -> None:
        _set_password(secrets.token_urlsafe(18))  # nobody needs to know it

    def repair(self, memory: Memory) -> None:
        if our_cluster() is not None:
            _set_password(password("bookstore"))


def _set_password(new: str) -> None:
    rds = boto3.client("rds")
    cluster: dict[str, Any] = {"DBClusterIdentifier": "bookstore"}
    rds.modify_db_cluster(**cluster, MasterUserPassword=new, ApplyImmediately=True)
    # AWS says "available" for some seconds more before it begins.
    changing, patience = "resetting-master-credentials", 90 if target() == "aws" else 3
    with suppress(StillWaiting):
        wait_for(rds.describe_db_clusters, STATUS, changing, timeout=patience, **cluster)
    wait_for(rds.describe_db_clusters, STATUS, "available", **cluster)


@dataclass(frozen=True)
class ClusterStopped(Fault):
    """The cluster is stopped, and its instances with it."""

    def remember(self) -> Memory:
        must_find_cluster()
        return {}

    def plant(self, memory: Memory) -> None:
        with passing("InvalidDBClusterStateFault"):  # stopped, or stopping, already
            boto3.client("rds").stop_db_cluster(DBClusterIdentifier="bookstore")
        _wait_for_cluster("stopped")

    def repair(self, memory: Memory) -> None:
        cluster = our_cluster()
        if cluster is None:
            return
        if cluster["Status"] == "stopping":
            _wait_for_cluster("stopped")
        with passing("InvalidDBClusterStateFault"):  # started, or starting, already
            boto3.client("rds").start_db_cluster(DBClusterIdentifier="bookstore")
        _wait_for_cluster("available")


def _wait_for_cluster(want: str) -> None:
    rds = boto3.client("rds")
    wait_for(rds.describe_db_clusters, STATUS, want, DBClusterIdentifier="bookstore")
    members = [{"Name": "db-cluster-id", "Values": ["bookstore"]}]
    path = "DBInstances.DBInstanceStatus"
    wait_for(rds.describe_db_instances, path, want, name="its instances", Filters=members)
