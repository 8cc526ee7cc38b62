"""Where a cluster is: its subnets, zones and security groups."""

from typing import Any

from moto.ec2.models import ec2_backends
from moto.rds.exceptions import InvalidParameterValue
from moto.rds.models import DBCluster

from sandbox.aurora.base import AuroraBase


class Placement(AuroraBase):
    """Checks and fills in what a cluster's call says about its network."""

    def _check_placement(self, kwargs: dict[str, Any]) -> list[str]:
        # The subnet group must exist; without groups given, the VPC's default one is used.
        group_name = kwargs.get("db_subnet_group_name")
        ec2 = ec2_backends[self.account_id][self.region_name]
        vpc_id = ec2.default_vpc.id
        if group_name:
            vpc_id = self.describe_db_subnet_groups(group_name)[0].vpc_id
        groups = kwargs.get("vpc_security_group_ids")
        if not groups:
            default = ec2.get_default_security_group(vpc_id)
            return [default.id] if default else []
        self._check_groups(groups)
        return groups

    def _check_groups(self, groups: list[str]) -> None:
        ec2 = ec2_backends[self.account_id][self.region_name]
        for group in groups:
            if ec2.get_security_group_from_id(group) is None:
                raise InvalidParameterValue(
                    f"Invalid security group , groupId= {group}, groupName=."
                )

    def _zones(self, cluster: DBCluster) -> list[str]:
        group = self.subnet_groups.get(cluster.db_subnet_group_name)
        if group is None:
            return sorted(cluster.availability_zones or [])
        return sorted({s["SubnetAvailabilityZone"]["Name"] for s in group.subnets})
