"""DB subnet groups: two zones at least, and kept while a cluster is in them."""

from typing import Any

from moto.rds.exceptions import RDSClientError
from moto.rds.models import DBSubnetGroup

from sandbox.aurora.base import AuroraBase


class SubnetGroupCalls(AuroraBase):
    """The calls on DB subnet groups."""

    def create_subnet_group(
        self, subnet_name: str, description: str, subnets: list[Any], tags: list[dict[str, str]]
    ) -> DBSubnetGroup:
        """Refuse a name that is taken, and a group within one availability zone."""
        if subnet_name in self.subnet_groups:
            raise RDSClientError(
                "DBSubnetGroupAlreadyExists",
                f"The DB subnet group '{subnet_name}' already exists.",
            )
        if len({subnet.availability_zone for subnet in subnets}) < 2:
            raise RDSClientError(
                "DBSubnetGroupDoesNotCoverEnoughAZs",
                "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. "
                f"Current AZ coverage: {', '.join(sorted({s.availability_zone for s in subnets}))}."
                " Add subnets to cover at least 2 AZs.",
            )
        return super().create_subnet_group(subnet_name, description, subnets, tags)

    def delete_subnet_group(self, subnet_name: str) -> DBSubnetGroup:
        """Refuse while a cluster is in it."""
        for cluster in [*self.clusters.values(), *self.leaving_clusters.values()]:
            if cluster.db_subnet_group_name == subnet_name:
                raise RDSClientError(
                    "InvalidDBSubnetGroupStateFault",
                    f"Cannot delete the subnet group '{subnet_name}' because at least one "
                    f"database cluster: {cluster.db_cluster_identifier} is still using it.",
                )
        return super().delete_subnet_group(subnet_name)
