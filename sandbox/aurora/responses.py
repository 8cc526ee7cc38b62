"""moto's front of RDS, with the calls that it lacks or answers by half."""

from typing import Any, cast

from moto.core.responses import ActionResult
from moto.ec2.models import ec2_backends
from moto.rds.exceptions import InvalidParameterValue
from moto.rds.responses import RDSResponse

from sandbox.aurora import catalogue, parameters
from sandbox.aurora.answers import filtered, page
from sandbox.aurora.deletion_answers import DeletionAnswers
from sandbox.aurora.models import ENGINE
from sandbox.aurora.parameter_groups import (
    CLUSTER,
    INSTANCE,
    Kind,
    ParameterGroupCalls,
    family_of,
)

PARAMETER_FILTERS = {"parameter-name": "ParameterName"}


class CatalogueAnswers(RDSResponse):
    """What RDS offers.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBEngineVersions.html
    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeOrderableDBInstanceOptions.html
    """

    def describe_db_engine_versions(self) -> ActionResult:
        """Aurora MySQL's versions; of other engines the sandbox has none."""
        family = self.params.get("DBParameterGroupFamily") or catalogue.FAMILY
        found: list[dict[str, Any]] = []
        if self.params.get("Engine") in (None, ENGINE) and family == catalogue.FAMILY:
            found = catalogue.engine_versions(
                self.params.get("EngineVersion"), bool(self.params.get("DefaultOnly"))
            )
        fields = {
            "db-parameter-group-family": "DBParameterGroupFamily",
            "engine": "Engine",
            "engine-mode": "SupportedEngineModes",
            "engine-version": "EngineVersion",
            "status": "Status",
        }
        versions, marker = page(filtered(found, self.params, fields), self.params)
        return ActionResult({"DBEngineVersions": versions, "Marker": marker})

    def describe_orderable_db_instance_options(self) -> ActionResult:
        """The classes that Aurora MySQL runs on; moto knows those of two other engines."""
        if self.params.get("Engine") != ENGINE:
            return super().describe_orderable_db_instance_options()
        ec2 = ec2_backends[self.current_account][self.region]
        zones = sorted(zone.name for zone in ec2.describe_availability_zones())
        found = []
        license_model = self.params.get("LicenseModel") or catalogue.LICENSE
        if self.params.get("Vpc") is not False and license_model == catalogue.LICENSE:
            found = catalogue.orderable_options(
                self.params.get("EngineVersion"), self.params.get("DBInstanceClass"), zones
            )
        options, marker = page(filtered(found, self.params, {}), self.params)
        return ActionResult({"OrderableDBInstanceOptions": options, "Marker": marker})


class EndpointAnswers(RDSResponse):
    """The names that clusters are reached by.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBClusterEndpoints.html
    """

    def describe_db_cluster_endpoints(self) -> ActionResult:
        """The writer and the reader endpoint of each cluster; custom ones cannot be made here."""
        name = self.params.get("DBClusterIdentifier")
        custom = self.params.get("DBClusterEndpointIdentifier")
        found = [
            {
                "DBClusterIdentifier": cluster.db_cluster_identifier,
                "Endpoint": address,
                "Status": "creating" if cluster.status == "creating" else "available",
                "EndpointType": kind,
            }
            for cluster in ([] if custom else self.backend.describe_db_clusters(name))
            for kind, address in (
                ("WRITER", cluster.endpoint),
                ("READER", cluster.reader_endpoint),
            )
        ]
        fields = {
            "db-cluster-endpoint-type": "EndpointType",
            "db-cluster-endpoint-custom-type": "CustomEndpointType",
            "db-cluster-endpoint-id": "DBClusterEndpointIdentifier",
            "db-cluster-endpoint-status": "Status",
        }
        endpoints, marker = page(filtered(found, self.params, fields), self.params)
        return ActionResult({"DBClusterEndpoints": endpoints, "Marker": marker})


class ParameterAnswers(RDSResponse):
    """Parameter groups and what is in them.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBClusterParameters.html
    """

    def describe_db_cluster_parameter_groups(self) -> ActionResult:
        """In pages, by name."""
        name = self.params.get("DBClusterParameterGroupName")
        return self._groups("DBClusterParameterGroups", CLUSTER, name)

    def describe_db_parameter_groups(self) -> ActionResult:
        """Likewise."""
        return self._groups("DBParameterGroups", INSTANCE, self.params.get("DBParameterGroupName"))

    def describe_db_cluster_parameters(self) -> ActionResult:
        """Every parameter of a group with its value, and where that comes from."""
        return self._parameters(CLUSTER, self.params.get("DBClusterParameterGroupName"))

    def describe_db_parameters(self) -> ActionResult:
        """Likewise."""
        return self._parameters(INSTANCE, self.params.get("DBParameterGroupName"))

    def describe_engine_default_cluster_parameters(self) -> ActionResult:
        """The parameters of a family as they are at first."""
        return self._defaults(CLUSTER)

    def describe_engine_default_parameters(self) -> ActionResult:
        """Likewise."""
        return self._defaults(INSTANCE)

    def reset_db_cluster_parameter_group(self) -> ActionResult:
        """All of a group, or what is named."""
        name = self._reset(CLUSTER, self.params.get("DBClusterParameterGroupName"))
        return ActionResult({"DBClusterParameterGroupName": name})

    def reset_db_parameter_group(self) -> ActionResult:
        """Likewise."""
        name = self._reset(INSTANCE, self.params.get("DBParameterGroupName"))
        return ActionResult({"DBParameterGroupName": name})

    def _groups(self, key: str, kind: Kind, name: str | None) -> ActionResult:
        found = [self._rds.parameter_group(kind, name)] if name else self._rds.every_group(kind)
        groups, marker = page(found, self.params)
        return ActionResult({key: groups, "Marker": marker})

    def _parameters(self, kind: Kind, name: str) -> ActionResult:
        group = self._rds.parameter_group(kind, name)
        if family_of(group) != catalogue.FAMILY:
            return ActionResult({"Parameters": list(group.parameters.values())})
        source = self.params.get("Source")
        found = [
            parameter
            for parameter in parameters.listing(kind.level, group.parameters)
            if source in (None, parameter["Source"])
        ]
        chosen, marker = page(filtered(found, self.params, PARAMETER_FILTERS), self.params)
        return ActionResult({"Parameters": chosen, "Marker": marker})

    def _defaults(self, kind: Kind) -> ActionResult:
        family = self.params.get("DBParameterGroupFamily")
        if family != catalogue.FAMILY:
            # AWS knows the families of other engines too.
            raise InvalidParameterValue(
                f"ParameterGroupFamily {family} is not a valid parameter group family"
            )
        found = filtered(parameters.listing(kind.level, {}), self.params, PARAMETER_FILTERS)
        chosen, marker = page(found, self.params)
        answer = {"DBParameterGroupFamily": family, "Parameters": chosen, "Marker": marker}
        return ActionResult({"EngineDefaults": answer})

    def _reset(self, kind: Kind, name: str) -> str:
        changes = [change.original_dict() for change in self.params.get("Parameters") or []]
        everything = self.params.get("ResetAllParameters")
        if everything is None:
            everything = not changes
        return self._rds.reset_parameter_group(kind, name, everything, changes)

    @property
    def _rds(self) -> ParameterGroupCalls:
        return cast(ParameterGroupCalls, self.backend)


class AuroraResponse(CatalogueAnswers, DeletionAnswers, EndpointAnswers, ParameterAnswers):
    """moto's front of RDS and what the rooms of this package add to it."""
