"""The way that the doctor walks: what is known of it at the start, and what the hops find out."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import paramiko

from helpers import keys
from helpers.bastion import Bastion
from helpers.network import Account, Resource, Verdict, can_reach, describe_account, name_of
from helpers.session import my_address


class Broken(Exception):
    """A hop does not let the connection through: what is wrong, and the line to type."""

    def __init__(self, finding: str, to_do: str) -> None:
        super().__init__(finding)
        self.finding = finding
        self.to_do = to_do


@dataclass
class Way:
    """From this machine through the bastion to a database, as the arguments of `doctor` have it.

    The account is described once, at the first question. A hop may rely on what the hops before
    it have found, since nothing is asked behind a hop that is broken.
    """

    bastion_id: str
    key_file: Path
    mysql_port: int
    user: str
    password: str
    database: str | None
    ssh_host: str | None
    ssh_user: str
    timeout: float
    closing: ExitStack  # closes what the hops open
    ec2: Any = field(default_factory=lambda: boto3.client("ec2"))
    rds: Any = field(default_factory=lambda: boto3.client("rds"))
    mysql_host: str = ""
    # What the hops leave for those that follow.
    key: paramiko.PKey | None = None
    through: Bastion | None = None
    transport: paramiko.Transport | None = None
    host_key: paramiko.PKey | None = None
    db_instance: Resource = field(default_factory=dict)
    no_database: Broken | None = None

    @cached_property
    def account(self) -> Account:
        """What the describe calls return now."""
        return describe_account(self.ec2, self.rds)

    @cached_property
    def you(self) -> str:
        """The address that the bastion sees you come from."""
        try:
            return my_address()
        except OSError as error:  # urllib's errors are of this kind
            raise Broken(
                f"https://checkip.amazonaws.com does not tell your own address ({error}), so no "
                "rule can be compared with it",
                "Open https://checkip.amazonaws.com in a browser: is this machine on the internet?",
            ) from None

    @cached_property
    def instance(self) -> Resource | None:
        """The bastion as EC2 describes it; a terminated one is none."""
        return next(
            (
                instance
                for instance in self.account.instances
                if instance["InstanceId"] == self.bastion_id
                and instance["State"]["Name"] not in ("shutting-down", "terminated")
            ),
            None,
        )

    @property
    def bastion(self) -> Resource:
        """The bastion, for the hops that follow the one that has found it."""
        assert self.instance is not None
        return self.instance

    @property
    def bastion_name(self) -> str:
        """Such as "i-0a1 (bookstore-bastion)"."""
        return name_of(self.bastion, "InstanceId")

    @cached_property
    def pair(self) -> Resource | None:
        """The bastion's key pair as EC2 has it now, with its public half."""
        name = (self.instance or {}).get("KeyName")
        if not name:
            return None
        named = [{"Name": "key-name", "Values": [name]}]
        found = self.ec2.describe_key_pairs(Filters=named, IncludePublicKey=True)["KeyPairs"]
        return next(iter(found), None)

    @cached_property
    def to_bastion(self) -> Verdict:
        """Whether SSH from you reaches the bastion, by every rule and route."""
        return can_reach(self.account, self.you, self.bastion_id, 22)

    @cached_property
    def to_database(self) -> Verdict:
        """Whether the bastion reaches the database, by every rule and route."""
        identifier = self.db_instance["DBInstanceIdentifier"]
        return can_reach(self.account, self.bastion_id, identifier, self.mysql_port)

    def bookstore_writer(self) -> str:
        """The writer endpoint of the course's cluster; "" if there is none."""
        clusters = self.account.db_clusters
        named = [c for c in clusters if c["DBClusterIdentifier"] == "bookstore"]
        return named[0]["Endpoint"] if named else ""

    @cached_property
    def cluster(self) -> Resource:
        """The cluster of the DB instance that was found; without one, nothing."""
        wanted = self.db_instance.get("DBClusterIdentifier")
        clusters = self.account.db_clusters
        return next((c for c in clusters if c["DBClusterIdentifier"] == wanted), {})


def typed(file: Path) -> str:
    """A key file as one types it: by its name where `key_file` knows it, else by its path."""
    return f'key_file("{file.stem}")' if file == keys.key_file(file.stem) else f'Path("{file}")'
