"""Read the network of the account from moto's models, in the shape of boto3's describe calls.

Nothing travels over HTTP or through XML: moto's own describe operations answer, and its serializer
turns their models into dictionaries. It does not count as a look at a passing state.
"""

from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.responses import BaseResponse
from moto.core.serialize import BaseJSONSerializer, XFormedAttributePicker
from moto.core.utils import camelcase_to_underscores, get_service_model

from helpers.network import Account
from sandbox import on_demand

# The operations that tell what reaches what, and the list in the answer of each.
EC2 = {
    "DescribeVpcs": "Vpcs",
    "DescribeSubnets": "Subnets",
    "DescribeRouteTables": "RouteTables",
    "DescribeInternetGateways": "InternetGateways",
    "DescribeNetworkAcls": "NetworkAcls",
    "DescribeSecurityGroups": "SecurityGroups",
    "DescribeInstances": "Reservations",
}
RDS = {"DescribeDBInstances": "DBInstances", "DescribeDBClusters": "DBClusters"}
EVERYTHING = {"MaxResults": 1_000_000}  # in one page


class Insider:
    """Looks at the account from inside.

    Args:
        region: the region to look at.
    """

    def __init__(self, region: str):
        self._region = region

    def account(self) -> Account:
        """Read what decides which machine reaches which.

        Returns:
            What `helpers.network.describe_account` returns for the same account, without
            timestamps.
        """
        return _read(self._region)


def _read(region: str) -> Account:
    ec2: dict[str, list[dict[str, Any]]] = {key: [] for key in EC2.values()}
    rds: dict[str, list[dict[str, Any]]] = {key: [] for key in RDS.values()}
    if on_demand.in_use("ec2", DEFAULT_ACCOUNT_ID, region):
        from sandbox.ec2 import SandboxEC2Response

        ec2 = {key: _ask(SandboxEC2Response, "ec2", name, key, region) for name, key in EC2.items()}
    if on_demand.in_use("rds", DEFAULT_ACCOUNT_ID, region):
        from sandbox.aurora.responses import AuroraResponse

        rds = {key: _ask(AuroraResponse, "rds", name, key, region) for name, key in RDS.items()}
    return Account(
        vpcs=ec2["Vpcs"],
        subnets=ec2["Subnets"],
        route_tables=ec2["RouteTables"],
        internet_gateways=ec2["InternetGateways"],
        network_acls=ec2["NetworkAcls"],
        security_groups=ec2["SecurityGroups"],
        instances=[i for each in ec2["Reservations"] for i in each.get("Instances", [])],
        db_instances=rds["DBInstances"],
        db_clusters=rds["DBClusters"],
    )


def _ask(
    kind: type[BaseResponse], service: str, operation: str, key: str, region: str
) -> list[dict[str, Any]]:
    model = get_service_model(service).operation_model(operation)
    response: Any = kind()
    response.region, response.current_account = region, DEFAULT_ACCOUNT_ID
    response.params, response.data, response.uri_match = EVERYTHING, {}, {}
    result = getattr(response, camelcase_to_underscores(operation))().result
    picker = XFormedAttributePicker(
        response_transformers=kind.RESPONSE_KEY_PATH_TO_TRANSFORMER or None
    )
    answer: Any = _ToPython(model, value_picker=picker).serialize(result)["body"]
    return answer[key]


class _ToPython(BaseJSONSerializer):
    """moto's serializer, which stops at dictionaries with boto3's names."""

    def get_serialized_name(self, shape: Any, default_name: str) -> str:
        return default_name

    def _serialize_type_timestamp(self, *_: Any) -> None:
        """Leave it out: nobody's way depends on the time."""

    def _serialize_body(self, body: Any) -> Any:
        return body
