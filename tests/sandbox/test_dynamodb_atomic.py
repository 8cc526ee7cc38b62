"""Throttling at any point of a transaction or a batch, against a model of what may have happened.

A transaction is done or not done, as a whole; of a batch each write is. The model knows the units
that are left and counts them by itself.

`MODEL_EXAMPLES=500` in the environment draws that many stories, new ones in each run.
"""

import json
import os
import time
from itertools import chain, count
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from sandbox.dynamodb import install, service
from sandbox.dynamodb.throttle import Bucket
from sandbox.pace import Pace

Item = dict[str, Any]

REGION = "us-east-1"
KEYS = ["a", "b", "c", "d"]
VALUES = ["x", "y"]
PLENTY = 10_000.5
EXCEEDED = "ProvisionedThroughputExceeded"
numbers = count(1)

# What is left of a bucket. Halves, since it fills by less than that while a story is told.
LEFT = st.sampled_from([0.5, 1.5, 2.5, 3.5, 4.5, 6.5, PLENTY])
KINDS = st.sampled_from(["Put", "Update", "Delete", "ConditionCheck"])
# A table, a key, the value of the index's key or None, and whether the item must be there.
WRITES = st.tuples(
    st.sampled_from([0, 1]),
    st.sampled_from(KEYS),
    st.sampled_from([*VALUES, None]),
    st.sampled_from([None, None, True, False]),
)


def ask(operation: str, **request: Any) -> tuple[str | None, dict[str, Any]]:
    status, _, payload = service.answer(operation, json.dumps(request).encode(), REGION)
    answer = json.loads(payload)
    return (None if status == 200 else answer["__type"].split("#")[-1]), answer


class Throttled(RuleBasedStateMachine):
    """Two provisioned tables with an index, a stream and recovery, and a dict of each's items."""

    @initialize()
    def create(self) -> None:
        self.pace = Pace("instant")
        install(self.pace)
        self.tables = [f"atomic-{next(numbers)}" for _ in range(2)]
        self.model: list[dict[str, Item]] = [{}, {}]
        self.records = [0, 0]
        many = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
        for table in self.tables:
            self.must(
                "CreateTable",
                TableName=table,
                AttributeDefinitions=[
                    {"AttributeName": n, "AttributeType": "S"} for n in ("id", "g")
                ],
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                ProvisionedThroughput=many,
                GlobalSecondaryIndexes=[
                    {
                        "IndexName": "by-g",
                        "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                        "Projection": {"ProjectionType": "KEYS_ONLY"},
                        "ProvisionedThroughput": many,
                    }
                ],
                StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
                Tags=[{"Key": "throttle", "Value": "on"}],
            )
            self.must("DescribeTable", TableName=table)
            self.pace.settle()
            self.must(
                "UpdateContinuousBackups",
                TableName=table,
                PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
            )
        self.left: dict[tuple[int, str, str | None], float] = {}
        self.fill()

    def teardown(self) -> None:
        for table in getattr(self, "tables", []):
            self.must("DeleteTable", TableName=table)

    def must(self, operation: str, **request: Any) -> dict[str, Any]:
        error, answer = ask(operation, **request)
        assert error is None, answer
        return answer

    def stored(self, table: int) -> Any:
        return dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].tables[self.tables[table]]

    def fill(self, **left: float) -> None:
        """Set what is left of each bucket."""
        for number in (0, 1):
            for kind in ("Read", "Write"):
                for index in (None, "by-g"):
                    units = left.get(f"{kind}{number}{index or ''}", PLENTY)
                    self.left[number, kind, index] = units
        self.set_buckets()

    def set_buckets(self) -> None:
        for (number, kind, index), units in self.left.items():
            self.stored(number).throttle._buckets[kind, index] = Bucket(units, time.time())

    @rule(writes=LEFT, index=LEFT, other=LEFT, other_index=LEFT, reads=LEFT)
    def run_low(
        self, writes: float, index: float, other: float, other_index: float, reads: float
    ) -> None:
        levels = {"Write0": writes, "Write0by-g": index, "Write1": other, "Write1by-g": other_index}
        self.fill(**levels, Read0=reads)

    # -- the model --------------------------------------------------------------------------

    def item(self, key: str, value: str | None) -> Item:
        return {"id": {"S": key}} | ({"g": {"S": value}} if value else {})

    def units(self, before: Item | None, after: Item | None) -> int:
        """Write units of the index: an entry put or removed is one, one that moves is two."""
        old, new = ((item or {}).get("g") for item in (before, after))
        return 0 if old == new else sum(value is not None for value in (old, new))

    def take(
        self,
        left: dict[Any, float],
        number: int,
        before: Item | None,
        after: Item | None,
        each: int,
    ) -> bool:
        """Take a write's units, or nothing where a unit is not left."""
        wanted = [((number, "Write", None), each)]
        if extra := self.units(before, after):
            wanted.append(((number, "Write", "by-g"), each * extra))
        if any(left[bucket] < 1 for bucket, _ in wanted):
            return False
        for bucket, units in wanted:
            left[bucket] -= units
        return True

    def after(self, kind: str, number: int, key: str, value: str | None) -> Item | None:
        before = self.model[number].get(key)
        if kind == "Delete":
            return None
        if kind == "ConditionCheck":
            return before
        return self.item(key, value)

    def store(self, number: int, key: str, item: Item | None) -> None:
        if self.model[number].get(key) != item:
            self.records[number] += 1
        if item is None:
            self.model[number].pop(key, None)
        else:
            self.model[number][key] = item

    def request(
        self, kind: str, number: int, key: str, value: str | None, exists: bool | None
    ) -> dict[str, Any]:
        request: dict[str, Any] = {"TableName": self.tables[number]}
        if kind == "Put":
            request["Item"] = self.item(key, value)
        else:
            request["Key"] = {"id": {"S": key}}
        if kind == "Update":
            request["UpdateExpression"] = "REMOVE g" if value is None else "SET g = :g"
        if kind == "Update" and value is not None:
            request["ExpressionAttributeValues"] = {":g": {"S": value}}
        if exists is not None or kind == "ConditionCheck":
            word = "attribute_exists" if exists else "attribute_not_exists"
            request["ConditionExpression"] = f"{word}(id)"
        return request

    def statement(self, number: int, key: str, value: str | None) -> str:
        table = self.tables[number]
        if value is None:
            return f"DELETE FROM \"{table}\" WHERE id = '{key}'"
        return f"INSERT INTO \"{table}\" VALUE {{'id': '{key}', 'g': '{value}'}}"

    # -- what is asked ----------------------------------------------------------------------

    @rule(writes=st.lists(st.tuples(KINDS, WRITES), min_size=1, max_size=6))
    def transact_write_items(self, writes: list[Any]) -> None:
        once = {
            (number, key): (kind, value, exists) for kind, (number, key, value, exists) in writes
        }
        self.set_buckets()
        error, answer = ask(
            "TransactWriteItems",
            TransactItems=[
                {kind: self.request(kind, number, key, value, exists)}
                for (number, key), (kind, value, exists) in once.items()
            ],
        )
        left, reasons = dict(self.left), []
        for (number, key), (kind, value, exists) in once.items():
            before = self.model[number].get(key)
            wanted = exists or False if kind == "ConditionCheck" else exists
            if wanted not in (None, before is not None):
                reasons.append("ConditionalCheckFailed")
            elif self.take(left, number, before, self.after(kind, number, key, value), 2):
                reasons.append("None")
            else:
                reasons.append(EXCEEDED)
        self.settle(error, answer, reasons, left)
        if error is None:
            for (number, key), (kind, value, _) in once.items():
                self.store(number, key, self.after(kind, number, key, value))

    def settle(
        self, error: str | None, answer: dict[str, Any], reasons: list[str], left: dict[Any, float]
    ) -> None:
        if set(reasons) == {"None"}:
            assert error is None, answer
            self.left = left
        else:
            assert error == "TransactionCanceledException", (reasons, answer)
            assert [reason["Code"] for reason in answer["CancellationReasons"]] == reasons
            assert answer["Message"].endswith(f"[{', '.join(reasons)}]")

    @rule(writes=st.lists(WRITES, min_size=1, max_size=6))
    def execute_transaction(self, writes: list[Any]) -> None:
        once = {(number, key): value for number, key, value, _ in writes}
        self.set_buckets()
        statements, reasons, left = [], [], dict(self.left)
        for (number, key), value in once.items():
            before = self.model[number].get(key)
            statements.append(self.statement(number, key, value))
            if value is not None and before is not None:
                reasons.append("ConditionalCheckFailed")
                continue
            after = None if value is None else self.item(key, value)
            reasons.append("None" if self.take(left, number, before, after, 2) else EXCEEDED)
        error, answer = ask(
            "ExecuteTransaction", TransactStatements=[{"Statement": text} for text in statements]
        )
        self.settle(error, answer, reasons, left)
        if error is None:
            for (number, key), value in once.items():
                self.store(number, key, None if value is None else self.item(key, value))

    @rule(
        keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True), sql=st.booleans()
    )
    def read_in_a_transaction(self, keys: list[str], sql: bool) -> None:
        self.set_buckets()
        if sql:
            error, answer = ask(
                "ExecuteTransaction",
                TransactStatements=[
                    {"Statement": f"SELECT * FROM \"{self.tables[0]}\" WHERE id = '{key}'"}
                    for key in keys
                ],
            )
        else:
            gets = [{"TableName": self.tables[0], "Key": {"id": {"S": key}}} for key in keys]
            error, answer = ask("TransactGetItems", TransactItems=[{"Get": get} for get in gets])
        left, reasons = dict(self.left), []
        for _ in keys:
            room = left[0, "Read", None] >= 1
            left[0, "Read", None] -= 2 if room else 0
            reasons.append("None" if room else EXCEEDED)
        self.settle(error, answer, reasons, left)
        if error is None:
            found = [response.get("Item") for response in answer["Responses"]]
            assert found == [self.model[0].get(key) for key in keys]

    @rule(writes=st.lists(WRITES, min_size=1, max_size=6))
    def batch_write_item(self, writes: list[Any]) -> None:
        once = {(number, key): value for number, key, value, _ in writes}
        asked: dict[str, list[Any]] = {}
        order = sorted(once, key=lambda place: [n for n, _ in once].index(place[0]))
        for number, key in order:
            value = once[number, key]
            part = (
                {"DeleteRequest": {"Key": {"id": {"S": key}}}}
                if value is None
                else {"PutRequest": {"Item": self.item(key, value)}}
            )
            asked.setdefault(self.tables[number], []).append(part)
        self.set_buckets()
        error, answer = ask("BatchWriteItem", RequestItems=asked)
        left, unprocessed, done = dict(self.left), {}, []
        for (number, key), part in zip(order, chain(*asked.values()), strict=True):
            value = once[number, key]
            after = None if value is None else self.item(key, value)
            if self.take(left, number, self.model[number].get(key), after, 1):
                done.append((number, key, after))
            else:
                unprocessed.setdefault(self.tables[number], []).append(part)
        if not done:
            assert error == f"{EXCEEDED}Exception", answer
            return
        assert error is None, answer
        assert answer["UnprocessedItems"] == unprocessed
        self.left = left
        for number, key, after in done:
            self.store(number, key, after)

    @rule(writes=st.lists(WRITES, min_size=1, max_size=6))
    def batch_execute_statement(self, writes: list[Any]) -> None:
        self.set_buckets()
        statements = [self.statement(number, key, value) for number, key, value, _ in writes]
        answer = self.must(
            "BatchExecuteStatement", Statements=[{"Statement": text} for text in statements]
        )
        for (number, key, value, _), response in zip(writes, answer["Responses"], strict=True):
            before = self.model[number].get(key)
            after = None if value is None else self.item(key, value)
            error = response.get("Error", {})
            assert set(error) <= {"Code", "Message", "Item"}
            if value is not None and before is not None:
                assert error["Code"] == "DuplicateItem"
            elif self.take(self.left, number, before, after, 1):
                assert not error
                self.store(number, key, after)
            else:
                assert error["Code"] == EXCEEDED

    @rule(kind=st.sampled_from(["Put", "Update", "Delete"]), write=WRITES)
    def write_one(self, kind: str, write: Any) -> None:
        number, key, value, exists = write
        self.set_buckets()
        error, answer = ask(f"{kind}Item", **self.request(kind, number, key, value, exists))
        before, after = self.model[number].get(key), self.after(kind, number, key, value)
        if exists not in (None, before is not None):
            assert error == "ConditionalCheckFailedException", answer
        elif self.take(self.left, number, before, after, 1):
            assert error is None, answer
            self.store(number, key, after)
        else:
            assert error == f"{EXCEEDED}Exception", answer

    # -- what must hold ---------------------------------------------------------------------

    @invariant()
    def everything_is_in_step(self) -> None:
        if not hasattr(self, "left"):
            return
        for number, items in enumerate(self.model):
            table = self.stored(number)
            rows = [record.item() for _, record in table.store.range(b"", None)]
            assert {row["id"]["S"]: row for row in rows} == items
            held = [r.item()["id"]["S"] for _, r in table.store.indexes["by-g"].range(b"", None)]
            assert sorted(held) == sorted(key for key, item in items.items() if "g" in item)
            assert len(table.stream_shard.items) == self.records[number]


Throttled.TestCase.settings = settings(
    max_examples=int(os.environ.get("MODEL_EXAMPLES", "40")),
    stateful_step_count=12,
    derandomize="MODEL_EXAMPLES" not in os.environ,
    deadline=None,
    # A story of these is short as it is, and takes minutes to make shorter.
    phases=[Phase.explicit, Phase.generate],
    database=None,
)
TestThrottled = Throttled.TestCase
