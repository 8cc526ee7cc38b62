"""moto's front of RDS, with the calls that it lacks or answers by half."""

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models import ec2_backends
from moto.rds.responses import RDSResponse

from sandbox.aurora import catalogue
from sandbox.aurora.answers import filtered, page
from sandbox.aurora.models import ENGINE


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


class AuroraResponse(CatalogueAnswers, EndpointAnswers):
    """moto's front of RDS and what the rooms of this package add to it."""
