"""What the door has to know of the database instance behind it, out of the account's records."""

from dataclasses import dataclass
from typing import Any

from helpers.network import Account


@dataclass(frozen=True)
class Endpoint:
    """A database instance as its account has it.

    Attributes:
        cluster, instance: their identifiers.
        names: the host names that lead to it, its own endpoint first.
        port: of these names.
        region: where it is.
        iam: whether the cluster has IAM database authentication switched on.
    """

    cluster: str
    instance: str
    names: tuple[str, ...]
    port: int
    region: str
    iam: bool


def endpoint_of(account: Account, instance: dict[str, Any], region: str) -> Endpoint:
    """Read it from the account.

    Args:
        account: what the describe calls returned.
        instance: one of its `db_instances`, which is a member of a cluster.
        region: where the account was looked at.
    """
    name = instance["DBClusterIdentifier"]
    cluster = next(c for c in account.db_clusters if c["DBClusterIdentifier"] == name)
    names = [instance["Endpoint"]["Address"], cluster["Endpoint"], cluster["ReaderEndpoint"]]
    return Endpoint(
        cluster=name,
        instance=instance["DBInstanceIdentifier"],
        names=tuple(names + cluster.get("CustomEndpoints", [])),
        port=instance["Endpoint"]["Port"],
        region=region,
        iam=cluster.get("IAMDatabaseAuthenticationEnabled", False),
    )
