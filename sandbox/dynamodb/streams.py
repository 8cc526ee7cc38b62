"""A table's stream: what changed, with the images that its view type asks for.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
"""

import base64
import binascii
import json
import time
from typing import Any

from moto.dynamodb.models.table import StreamShard
from moto.moto_api._internal import mock_random

from sandbox.dynamodb.errors import DynamoDBError, invalid
from sandbox.dynamodb.values import Item, item_size

MOST_RECORDS = 1000


class SandboxShard(StreamShard):
    """The one shard of a stream; its records are what GetRecords sends."""

    def note(self, before: Item | None, now: Item | None, expired: bool = False) -> None:
        """Add a record.

        Args:
            before: the item as it was; None for a new one.
            now: the item as it is; None for a removed one.
            expired: whether time to live removed it: the record says so.
        """
        view = self.table.stream_specification["StreamViewType"]  # type: ignore[index]
        keys = self.table.store.keys.of(now or before)  # type: ignore[attr-defined]
        images: dict[str, Item] = {"Keys": keys}
        if now is not None and view in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES"):
            images["NewImage"] = now
        if before is not None and view in ("OLD_IMAGE", "NEW_AND_OLD_IMAGES"):
            images["OldImage"] = before
        record: dict[str, Any] = {
            "eventID": mock_random.uuid4().hex,
            "eventName": "INSERT" if before is None else "REMOVE" if now is None else "MODIFY",
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": self.table.region_name,
            "dynamodb": {
                "ApproximateCreationDateTime": float(int(time.time())),
                **images,
                "SequenceNumber": str(self.starting_sequence_number + len(self.items)),
                "SizeBytes": sum(item_size(image) for image in images.values()),
                "StreamViewType": view,
            },
        }
        if expired:
            record["userIdentity"] = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
        self.items.append(record)  # type: ignore[arg-type]


def describe_stream(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """DescribeStream."""
    table = _table(db, request["StreamArn"])
    shard = table.stream_shard
    return {
        "StreamDescription": {
            "StreamArn": request["StreamArn"],
            "StreamLabel": table.latest_stream_label,
            "StreamStatus": "ENABLED" if table.streams else "DISABLED",
            "StreamViewType": table.stream_view,
            "CreationRequestDateTime": shard.created_on,
            "TableName": table.name,
            "KeySchema": table.schema,
            "Shards": [shard.to_json()],
        }
    }


def list_streams(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """ListStreams."""
    wanted = request.get("TableName")
    return {
        "Streams": [
            {
                "StreamArn": table.stream_arn,
                "TableName": table.name,
                "StreamLabel": table.latest_stream_label,
            }
            for table in db.tables.values()
            if table.latest_stream_label and wanted in (None, table.name)
        ]
    }


def get_shard_iterator(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """GetShardIterator."""
    table = _table(db, request["StreamArn"])
    shard, kind = table.stream_shard, request["ShardIteratorType"]
    if request["ShardId"] != shard.id:
        raise DynamoDBError(
            "ResourceNotFoundException",
            f"Requested resource not found: Shard: {request['ShardId']} in Stream: "
            f"{request['StreamArn']} not found",
        )
    position = {"TRIM_HORIZON": 0, "LATEST": len(shard.items)}.get(kind)
    if position is None:
        number = request.get("SequenceNumber", "")
        if not number.isdigit():
            raise invalid("SequenceNumber must be specified for this ShardIteratorType")
        position = int(number) - shard.starting_sequence_number
        position = max(0, position + (kind == "AFTER_SEQUENCE_NUMBER"))
    return {"ShardIterator": _iterator(request["StreamArn"], position)}


def get_records(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """GetRecords."""
    try:
        arn, position = json.loads(base64.urlsafe_b64decode(request["ShardIterator"]))
        table = _table(db, arn)
        position = int(position)
    except (binascii.Error, ValueError, TypeError, AttributeError) as error:
        raise invalid("Invalid ShardIterator") from error
    end = position + request.get("Limit", MOST_RECORDS)
    records = table.stream_shard.items[position:end]
    return {
        "Records": records,
        "NextShardIterator": _iterator(arn, position + len(records)),
    }


def _table(db: Any, arn: str) -> Any:
    for table in db.tables.values():
        if table.latest_stream_label and table.stream_arn == arn:
            return table
    raise DynamoDBError(
        "ResourceNotFoundException", f"Requested resource not found: Stream: {arn} not found"
    )


def _iterator(arn: str, position: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([arn, position]).encode()).decode()
