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

from sandbox.digits import is_digits
from sandbox.dynamodb.errors import DynamoDBError, invalid
from sandbox.dynamodb.values import Item, item_size

MOST_RECORDS = 1000
SECONDS_KEPT = 24 * 3600


class SandboxShard(StreamShard):
    """The one shard of a stream; its records are what GetRecords sends, and stay for a day.

    Attributes:
        place: under which number the journal keeps the records.
        trimmed: how many records have gone already.
    """

    _items: list[dict[str, Any]] | None

    def __init__(self, account_id: str, table: Any):
        super().__init__(account_id, table)
        self.place = table.journal.new_owner()
        self.trimmed = 0

    def __getstate__(self) -> dict[str, Any]:
        """Without the records, which are rows of the journal."""
        return {**vars(self), "_items": None}

    @property  # type: ignore[override]
    def items(self) -> list[dict[str, Any]]:
        """The records, the oldest first."""
        if self._items is None:
            found = self.table.journal.records(self.place)  # type: ignore[attr-defined]
            if found:
                # A write may have trimmed more since the account was last pickled.
                self.trimmed = found[0][0]
            self._items = [json.loads(content) for _, content in found]
        return self._items

    @items.setter
    def items(self, records: list[dict[str, Any]]) -> None:
        self._items = records

    @property
    def end(self) -> int:
        """The number that the next record gets."""
        count = len(self.items)  # Reading them may correct `trimmed`.
        return self.trimmed + count

    def note(
        self,
        before: Item | None,
        now: Item | None,
        sizes: tuple[int, int],
        expired: bool = False,
    ) -> None:
        """Add a record.

        Args:
            before: the item as it was; None for a new one.
            now: the item as it is; None for a removed one.
            sizes: the `item_size` of both.
            expired: whether time to live removed it: the record says so.
        """
        view = self.table.stream_specification["StreamViewType"]  # type: ignore[index]
        keys = self.table.store.keys.of(now or before)  # type: ignore[attr-defined]
        images: dict[str, Item] = {"Keys": keys}
        size = item_size(keys)
        if now is not None and view in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES"):
            images["NewImage"] = now
            size += sizes[1]
        if before is not None and view in ("OLD_IMAGE", "NEW_AND_OLD_IMAGES"):
            images["OldImage"] = before
            size += sizes[0]
        record: dict[str, Any] = {
            "eventID": mock_random.uuid4().hex,
            "eventName": "INSERT" if before is None else "REMOVE" if now is None else "MODIFY",
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": self.table.region_name,
            "dynamodb": {
                "ApproximateCreationDateTime": float(int(time.time())),
                **images,
                "SequenceNumber": str(self.starting_sequence_number + self.end),
                "SizeBytes": size,
                "StreamViewType": view,
            },
        }
        if expired:
            record["userIdentity"] = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
        self._trim(record["dynamodb"]["ApproximateCreationDateTime"] - SECONDS_KEPT)
        content = json.dumps(record, ensure_ascii=False)
        self.table.journal.add_record(self.place, self.end, content)  # type: ignore[attr-defined]
        self.items.append(record)

    def _trim(self, moment: float) -> None:
        gone = 0
        while (
            gone < len(self.items)
            and self.items[gone]["dynamodb"]["ApproximateCreationDateTime"] < moment
        ):
            gone += 1
        if gone:
            del self.items[:gone]
            self.trimmed += gone
            self.table.journal.forget_records(  # type: ignore[attr-defined]
                self.place, self.trimmed
            )


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
    end = shard.end
    position = {"TRIM_HORIZON": shard.trimmed, "LATEST": end}.get(kind)
    if position is None:
        number = request.get("SequenceNumber", "")
        if not is_digits(number):
            raise invalid("SequenceNumber must be specified for this ShardIteratorType")
        position = int(number) - shard.starting_sequence_number
        position = max(0, position + (kind == "AFTER_SEQUENCE_NUMBER"))
    return {"ShardIterator": _iterator(request["StreamArn"], position)}


def get_records(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """GetRecords."""
    try:
        arn, position = json.loads(base64.urlsafe_b64decode(request["ShardIterator"]))
        if type(position) is not int or position < 0:
            raise ValueError(position)
        table = _table(db, arn)
    except (binascii.Error, ValueError, TypeError, AttributeError) as error:
        raise invalid("Invalid ShardIterator") from error
    shard = table.stream_shard
    records = shard.items
    if position < shard.trimmed:
        raise DynamoDBError(
            "TrimmedDataAccessException",
            "The operation attempted to read past the oldest stream record in a shard.",
        )
    start = position - shard.trimmed
    records = records[start : start + request.get("Limit", MOST_RECORDS)]
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
