"""What a restore may change of the table that it makes: billing, capacity, which indexes.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_RestoreTableFromBackup.html
"""

import copy
from typing import Any

from sandbox.dynamodb import schema
from sandbox.dynamodb.errors import invalid_values


def overridden(settings: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """The settings of the restored table.

    Args:
        settings: those of the table that was backed up, as `backend.create_table` takes them.
        request: a RestoreTableFromBackup or RestoreTableToPointInTime.

    Raises:
        DynamoDBError: ValidationException for an index that the source did not have, or for
            capacity that does not go with the billing mode.
        NotImplementedError: for what the sandbox does not offer.
    """
    for word in ("VectorIndexOverride", "OnDemandThroughputOverride"):
        if request.get(word):
            raise NotImplementedError(word)
    result = copy.deepcopy(settings)
    _set_billing(result, request)
    for word, part in (
        ("LocalSecondaryIndexOverride", "indexes"),
        ("GlobalSecondaryIndexOverride", "global_indexes"),
    ):
        if word in request:
            result[part] = _chosen(request[word], settings[part])
    _set_index_capacity(result)
    if "SSESpecificationOverride" in request:
        result["sse_specification"] = request["SSESpecificationOverride"]
    # An attribute that was the key of an index left out has no definition any more.
    schemas = [result["schema"], *(i["KeySchema"] for i in _indexes(result))]
    used = {element["AttributeName"] for elements in schemas for element in elements}
    result["attr"] = [d for d in result["attr"] if d["AttributeName"] in used]
    return result


def _set_billing(result: dict[str, Any], request: dict[str, Any]) -> None:
    mode = request.get("BillingModeOverride", result["billing_mode"])
    throughput = request.get("ProvisionedThroughputOverride")
    if mode == "PROVISIONED":
        throughput = throughput or result["throughput"]
    schema.check_throughput({"BillingMode": mode, "ProvisionedThroughput": throughput})
    result |= {"billing_mode": mode, "throughput": throughput}


def _chosen(wanted: list[dict[str, Any]], source: list[dict[str, Any]]) -> list[dict[str, Any]]:
    # An index may be left out; none may be new, or another than it was.
    known = {index["IndexName"]: index for index in source}
    for index in wanted:
        name = index["IndexName"]
        same = known.get(name, {})
        if any(index[word] != same.get(word) for word in ("KeySchema", "Projection")):
            raise invalid_values(
                f"Index {name} of the restored table does not match an index of the source table"
            )
    return copy.deepcopy(wanted)


def _set_index_capacity(result: dict[str, Any]) -> None:
    on_demand = result["billing_mode"] == "PAY_PER_REQUEST"
    for index in result["global_indexes"]:
        if on_demand:
            index.pop("ProvisionedThroughput", None)
        else:
            # An index without capacity of its own takes the table's.
            index.setdefault("ProvisionedThroughput", dict(result["throughput"]))


def _indexes(settings: dict[str, Any]) -> list[dict[str, Any]]:
    return [*settings["indexes"], *settings["global_indexes"]]
