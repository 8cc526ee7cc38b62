"""DynamoDB against a plain dictionary: whatever is written, every way of reading finds it.

A state machine draws writes of every kind, and after them reads of every kind, and holds the
answers against a dict of items and against Python's own order of Decimals and bytes: nothing of the
sandbox's own comparisons is used.

`MODEL_EXAMPLES=500` in the environment draws that many stories, new ones in each run.
"""

import base64
import json
import os
from decimal import Decimal
from itertools import count
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sandbox.dynamodb import install, service
from sandbox.pace import Pace

Value = dict[str, Any]
Item = dict[str, Value]

table_numbers = count(1)

# Close together, so that keys meet, and with what is hard: a key that another one begins with,
# zero bytes, and characters that UTF-8 and UTF-16 order differently.
TEXTS = st.one_of(
    st.sampled_from(["a", "a\x00", "a\x00\x01", "a\x01", "ab", "ÿ", "가", "\uffff", "😀", "😀a"]),
    st.text(alphabet="\x00\x01ab\u00ff가\uffff😀", min_size=1, max_size=3),
)
BYTES = st.one_of(
    st.sampled_from([b"\x00", b"\x00\x00", b"\x00\x01", b"\x01", b"\xff", b"\xff\xff", b"a"]),
    st.lists(st.sampled_from([0, 1, 97, 254, 255]), min_size=1, max_size=3).map(bytes),
)
NUMBERS = st.one_of(
    st.integers(-3, 12).map(str),
    st.sampled_from(["-1", "-1.5", "-1.05", "1.5", "1.05", "15", "-15"]),  # The same digits
    st.sampled_from(
        [
            *("1.0", "1e0", "0.1E1", "100e-2", "-0", "0.00", "-1.50", "10.00"),  # Written otherwise
            *("9" * 38, "-" + "9" * 38, "9" * 37 + "8", "0." + "1" * 38, "-0." + "1" * 38),
            *("1e125", "-1e125", "9.9e125", "1e-130", "-1e-130", "2.5e-10", "-2.5e10"),
        ]
    ),
)


def of_type(kind: str) -> st.SearchStrategy[Value]:
    """Values of a key attribute."""
    if kind == "S":
        return TEXTS.map(lambda text: {"S": text})
    if kind == "N":
        return NUMBERS.map(lambda number: {"N": number})
    return BYTES.map(lambda data: {"B": base64.b64encode(data).decode()})


# Partition keys are few, so that items share them.
FEW = {
    "S": [{"S": "a"}, {"S": "a\x00"}, {"S": "😀"}],
    "N": [{"N": "1"}, {"N": "1.0"}, {"N": "-1"}],
    "B": [{"B": "AA=="}, {"B": "AAA="}, {"B": "/w=="}],
}
SMALL = st.integers(-2, 3).map(lambda number: {"N": str(number)})
ANY = st.one_of(SMALL, st.sampled_from([{"S": "a"}, {"BOOL": True}, {"L": [{"N": "1"}]}]))
KINDS = st.sampled_from("SNB")
# Name, key, what is projected beside keys (None: all), local or not.
INDEXES = [
    ("all", ("g", "h"), None, False),
    ("some", ("g", "h"), ["x"], False),
    ("keys", ("h", None), [], False),
    ("local", ("p", "h"), [], True),
]


def plain(value: Value) -> tuple[str, Any]:
    """A value that equals and sorts as DynamoDB says: by value, text by its UTF-8 bytes."""
    ((kind, content),) = value.items()
    if kind == "S":
        return kind, content.encode()
    if kind == "N":
        return kind, Decimal(content)
    if kind == "B":
        return kind, base64.b64decode(content)
    return kind, json.dumps(content)


def seen(item: Item) -> dict[str, tuple[str, Any]]:
    """An item to compare with another, however its numbers are written."""
    return {name: plain(value) for name, value in item.items()}


def bag(items: list[Item]) -> list[str]:
    """Items in an order of their own, however they came.

    Decimals are written in one way here: a hash of them is what equals.
    """
    return sorted(
        repr(sorted((n, k, hash(v) if k == "N" else v) for n, (k, v) in seen(item).items()))
        for item in items
    )


def ask(operation: str, **request: Any) -> tuple[str | None, dict[str, Any]]:
    """The error's name, or None, and the answer."""
    status, _, payload = service.answer(operation, json.dumps(request).encode(), "us-east-1")
    answer = json.loads(payload)
    return (None if status == 200 else answer["__type"].split("#")[-1]), answer


def fits(value: Value, operator: str, bounds: list[Value]) -> bool:
    """Whether a sort key meets a condition."""
    key, (low, high) = plain(value)[1], (plain(bounds[0])[1], plain(bounds[-1])[1])
    return {
        "=": key == low,
        "<": key < low,
        "<=": key <= low,
        ">": key > low,
        ">=": key >= low,
        "between": low <= key <= high,
        "begins_with": not isinstance(low, Decimal) and key[: len(low)] == low,
    }[operator]


# Conditions on attributes, with what they say of an item; :n is a number.
CONDITIONS = {
    "attribute_exists(p)": lambda item, n: bool(item),
    "attribute_not_exists(p)": lambda item, n: not item,
    "attribute_exists(g)": lambda item, n: "g" in item,
    "x = :n": lambda item, n: "x" in item and plain(item["x"]) == plain(n),
    "x < :n": lambda item, n: "x" in item and plain(item["x"]) < plain(n),
    "NOT x >= :n": lambda item, n: not ("x" in item and plain(item["x"]) >= plain(n)),
    "x BETWEEN :n AND :n OR attribute_not_exists(y)": lambda item, n: (
        ("x" in item and plain(item["x"]) == plain(n)) or "y" not in item
    ),
}
FILTERS = [text for text in CONDITIONS if "(p)" not in text]  # A key is no matter for a filter.


class Tables(RuleBasedStateMachine):
    """One table with its indexes, and a dict with the same items."""

    @initialize(kinds=st.tuples(*[KINDS] * 4), size=st.integers(0, 12), data=st.data())
    def create(self, kinds: tuple[str, str, str, str], size: int, data: st.DataObject) -> None:
        self.pace = Pace("instant")
        install(self.pace)
        self.types = dict(zip("psgh", kinds, strict=True))
        self.table = f"model-{next(table_numbers)}"
        self.model: dict[Any, Item] = {}
        self.sources: dict[str | None, tuple[tuple[str, str | None], list[str] | None]]
        self.sources = {None: (("p", "s"), None)}
        made: dict[str, list[dict[str, Any]]] = {"Local": [], "Global": []}
        for name, keys, projected, local in INDEXES:
            made["Local" if local else "Global"].append(self.describe(name, keys, projected))
            self.sources[name] = (keys, projected)
        self.must(
            "CreateTable",
            AttributeDefinitions=self.definitions("psgh"),
            KeySchema=schema(("p", "s")),
            BillingMode="PAY_PER_REQUEST",
            LocalSecondaryIndexes=made["Local"],
            GlobalSecondaryIndexes=made["Global"],
        )
        self.wait()
        partition = FEW[self.types["p"]][0]
        for _ in range(size):  # Neighbours, so that there is an order to keep.
            item = {**self.draw_item(data), "p": partition}
            self.must("PutItem", Item=item)
            self.model[self.place(item)] = item

    def teardown(self) -> None:
        if hasattr(self, "table"):
            self.must("DeleteTable")

    # -- what is written --------------------------------------------------------------------

    @rule(data=st.data())
    def put(self, data: st.DataObject) -> None:
        item = self.draw_item(data)
        self.must("PutItem", Item=item)
        self.model[self.place(item)] = item

    @rule(data=st.data(), text=st.sampled_from(sorted(CONDITIONS)), number=SMALL)
    def put_if(self, data: st.DataObject, text: str, number: Value) -> None:
        item = self.draw_item(data)
        holds = CONDITIONS[text](self.model.get(self.place(item), {}), number)
        error, _ = self.ask("PutItem", Item=item, **condition(text, number))
        assert error == (None if holds else "ConditionalCheckFailedException")
        if holds:
            self.model[self.place(item)] = item

    @rule(data=st.data())
    def update(self, data: st.DataObject) -> None:
        key = self.draw_key(data)
        request, after = self.draw_update(data, key)
        self.must("UpdateItem", Key=key, **request)
        self.model[self.place(key)] = after

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        key = self.draw_key(data)
        before = self.model.pop(self.place(key), None)
        answer = self.must("DeleteItem", Key=key, ReturnValues="ALL_OLD")
        assert seen(answer.get("Attributes", {})) == seen(before or {})

    @rule(data=st.data(), size=st.integers(1, 8))
    def batch(self, data: st.DataObject, size: int) -> None:
        parts, after, twice = [], dict(self.model), False
        places = set()
        for _ in range(size):
            if data.draw(st.booleans()):
                item = self.draw_item(data)
                parts.append({"PutRequest": {"Item": item}})
                after[self.place(item)] = item
            else:
                item = self.draw_key(data)
                parts.append({"DeleteRequest": {"Key": item}})
                after.pop(self.place(item), None)
            twice = twice or self.place(item) in places
            places.add(self.place(item))
        error, answer = ask("BatchWriteItem", RequestItems={self.table: parts})
        if twice:
            assert error == "ValidationException"
            return
        assert (error, answer["UnprocessedItems"]) == (None, {})
        self.model = after

    @rule(data=st.data(), size=st.integers(1, 5))
    def transaction(self, data: st.DataObject, size: int) -> None:
        """All writes, or none where one condition fails."""
        parts, codes, after, places = [], [], dict(self.model), set()
        for _ in range(size):
            key = self.draw_key(data)
            place, number = self.place(key), data.draw(SMALL)
            if place in places:
                continue
            places.add(place)
            before = self.model.get(place, {})
            kind = data.draw(st.sampled_from(["Put", "Update", "Delete", "ConditionCheck"]))
            content: dict[str, Any] = {"TableName": self.table}
            if kind == "Put":
                after[place] = content["Item"] = {**self.draw_rest(data), **key}
            else:
                content["Key"] = key
            if kind == "Delete":
                after.pop(place, None)
            if kind == "Update":
                request, after[place] = self.draw_update(data, key)
                content.update(request)
            holds = True
            if kind == "ConditionCheck" or data.draw(st.booleans()):
                text = data.draw(st.sampled_from(sorted(CONDITIONS)))
                holds = CONDITIONS[text](before, number)
                said = condition(text, number)
                values = content.get("ExpressionAttributeValues", {}) | said.pop(
                    "ExpressionAttributeValues", {}
                )
                content.update(said)
                if values:
                    content["ExpressionAttributeValues"] = values
            codes.append("None" if holds else "ConditionalCheckFailed")
            parts.append({kind: content})
        error, answer = ask("TransactWriteItems", TransactItems=parts)
        if set(codes) == {"None"}:
            assert error is None
            self.model = after
        else:
            assert error == "TransactionCanceledException"
            assert [reason["Code"] for reason in answer["CancellationReasons"]] == codes

    @rule(data=st.data())
    def refused(self, data: st.DataObject) -> None:
        """An index key of another type is refused, and leaves the item as it was."""
        key, wrong = self.draw_key(data), {"BOOL": True}
        name = data.draw(st.sampled_from("gh"))
        text, values = f"SET y = :w, {name} = :w", {":w": wrong}
        requests: list[tuple[str, dict[str, Any]]] = [
            ("PutItem", {"Item": {**key, name: wrong}}),
            (
                "UpdateItem",
                {"Key": key, "UpdateExpression": text, "ExpressionAttributeValues": values},
            ),
        ]
        operation, request = data.draw(st.sampled_from(requests))
        assert self.ask(operation, **request)[0] == "ValidationException"

    @rule(data=st.data(), projected=st.sampled_from([None, [], ["x"]]))
    def index_again(self, data: st.DataObject, projected: list[str] | None) -> None:
        """An index that is made later holds what was written before."""
        if "late" in self.sources:
            self.update_index({"Delete": {"IndexName": "late"}})
            del self.sources["late"]
        else:
            keys = data.draw(st.sampled_from([("h", "g"), ("g", None), ("g", "s")]))
            self.update_index({"Create": self.describe("late", keys, projected)})
            self.sources["late"] = (keys, projected)

    # -- what is read -----------------------------------------------------------------------

    @rule(data=st.data())
    def get(self, data: st.DataObject) -> None:
        key = self.draw_key(data)
        answer = self.must("GetItem", Key=key, ConsistentRead=True)
        assert seen(answer.get("Item", {})) == seen(self.model.get(self.place(key), {}))

    @rule(
        data=st.data(),
        limit=st.integers(1, 4),
        text=st.sampled_from([None, *FILTERS]),
        number=SMALL,
    )
    def query(self, data: st.DataObject, limit: int, text: str | None, number: Value) -> None:
        """Table or index, by every condition: the right items in order, whole and in pages."""
        index = data.draw(self.draw_source())
        (partition, sort), projected = self.sources[index]
        there = self.held_by(index)
        one = data.draw(st.sampled_from(there)) if there else {}
        values = {":p": one.get(partition) or self.draw_near(data, partition)}
        whole: dict[str, Any] = {}
        if index == "local" and data.draw(st.booleans()):
            whole, projected, text = {"Select": "ALL_ATTRIBUTES"}, None, None  # From the table.
        text = self.filter_for(index, text)
        filtered = {"FilterExpression": text} if text else {}
        if text and ":n" in text:
            values[":n"] = number
        bounds: list[Value] = []
        if sort:
            bounds = [self.draw_near(data, sort), self.draw_near(data, sort)]
            if one and data.draw(st.booleans()):
                bounds[0] = one[sort]
            bounds.sort(key=plain)
        for operator in self.operators(sort):
            used = bounds[: {None: 0, "between": 2}.get(operator, 1)]
            chosen = [
                item
                for item in there
                if plain(item[partition]) == plain(values[":p"])
                and (not sort or not operator or fits(item[sort], operator, used))
            ]
            for forward in (True, False):
                request = {
                    "KeyConditionExpression": f"{partition} = :p" + said(sort, operator),
                    "ExpressionAttributeValues": values
                    | {f":s{place}": bound for place, bound in enumerate(used)},
                    "ScanIndexForward": forward,
                    **filtered,
                    **whole,
                    **named(index),
                }
                found = self.read("Query", request, chosen, text, number, limit, projected, index)
                if sort:
                    order = [plain(item[sort]) for item in found]
                    assert order == sorted(order, reverse=not forward)

    @rule(
        data=st.data(),
        limit=st.integers(1, 4),
        text=st.sampled_from([None, *FILTERS]),
        number=SMALL,
    )
    def scan(self, data: st.DataObject, limit: int, text: str | None, number: Value) -> None:
        index = data.draw(self.draw_source())
        text = self.filter_for(index, text)
        request: dict[str, Any] = named(index)
        if text:
            request["FilterExpression"] = text
            if ":n" in text:
                request["ExpressionAttributeValues"] = {":n": number}
        projected = self.sources[index][1]
        self.read("Scan", request, self.held_by(index), text, number, limit, projected, index)

    @rule(data=st.data(), segments=st.integers(1, 5), limit=st.integers(1, 3))
    def scan_in_parallel(self, data: st.DataObject, segments: int, limit: int) -> None:
        """The segments together hold every item once."""
        index = data.draw(self.draw_source())
        found: list[Item] = []
        for segment in range(segments):
            request = {"Segment": segment, "TotalSegments": segments, **named(index)}
            found += self.pages("Scan", {**request, "Limit": limit})[0]
        assert bag(found) == bag(self.as_held(index, self.held_by(index)))

    @rule(data=st.data(), limit=st.integers(1, 2), forward=st.booleans())
    def delete_between_pages(self, data: st.DataObject, limit: int, forward: bool) -> None:
        """A page begins after its start key, whether that item is still there or not."""
        index = data.draw(self.draw_source())
        (partition, _), _ = self.sources[index]
        value = self.draw_near(data, partition)
        there = [i for i in self.held_by(index) if plain(i[partition]) == plain(value)]
        request = {
            "KeyConditionExpression": f"{partition} = :p",
            "ExpressionAttributeValues": {":p": value},
            "ScanIndexForward": forward,
            **named(index),
        }
        first = self.must("Query", Limit=limit, **request)
        found = first["Items"]
        if last := first.get("LastEvaluatedKey"):
            key = {name: last[name] for name in "ps"}
            self.must("DeleteItem", Key=key)
            del self.model[self.place(key)]
            found += self.pages("Query", {**request, "ExclusiveStartKey": last})[0]
        assert bag(found) == bag(self.as_held(index, there))

    @invariant()
    def every_index_holds_what_it_should(self) -> None:
        for index in getattr(self, "sources", {}):
            answer = self.must("Scan", **named(index))
            assert bag(answer["Items"]) == bag(self.as_held(index, self.held_by(index)))
        if hasattr(self, "table"):
            assert self.must("DescribeTable")["Table"]["ItemCount"] == len(self.model)

    # -- how ----------------------------------------------------------------------------------

    def ask(self, operation: str, **request: Any) -> tuple[str | None, dict[str, Any]]:
        return ask(operation, TableName=self.table, **request)

    def must(self, operation: str, **request: Any) -> dict[str, Any]:
        error, answer = self.ask(operation, **request)
        assert error is None, answer
        return answer

    def wait(self) -> None:
        """Each look lets what is on its way go on, as the front door does before a request."""
        for _ in range(9):
            table = self.must("DescribeTable")["Table"]
            states = [index["IndexStatus"] for index in table.get("GlobalSecondaryIndexes", [])]
            if {table["TableStatus"], *states} == {"ACTIVE"}:
                return
            self.pace.settle()
        raise AssertionError(f"still on its way: {table['TableStatus']}, {states}")

    def update_index(self, change: dict[str, Any]) -> None:
        definitions = self.definitions("psgh")
        self.must(
            "UpdateTable",
            AttributeDefinitions=definitions,
            GlobalSecondaryIndexUpdates=[change],
        )
        self.wait()

    def definitions(self, names: str) -> list[dict[str, str]]:
        return [{"AttributeName": n, "AttributeType": self.types[n]} for n in names]

    def describe(
        self, name: str, keys: tuple[str, str | None], projected: list[str] | None
    ) -> dict[str, Any]:
        projection: dict[str, Any] = {"ProjectionType": "ALL" if projected is None else "KEYS_ONLY"}
        if projected:
            projection = {"ProjectionType": "INCLUDE", "NonKeyAttributes": projected}
        return {"IndexName": name, "KeySchema": schema(keys), "Projection": projection}

    def operators(self, sort: str | None) -> list[str | None]:
        """Those that a condition on the sort key may have; None for no condition."""
        if sort is None:
            return [None]
        words = [None, "=", "<", "<=", ">", ">=", "between"]
        return words if self.types[sort] == "N" else [*words, "begins_with"]

    def place(self, item: Item) -> Any:
        return plain(item["p"]), plain(item["s"])

    def draw_source(self) -> st.SearchStrategy[str | None]:
        return st.sampled_from(list(self.sources))

    def draw_near(self, data: st.DataObject, name: str) -> Value:
        """A value of a key attribute: one that is there, or any."""
        if name in "pg":
            return data.draw(st.sampled_from(FEW[self.types[name]]))
        there = [item[name] for item in self.model.values() if name in item]
        anything = of_type(self.types[name])
        return data.draw(st.one_of(st.sampled_from(there), anything) if there else anything)

    def draw_key(self, data: st.DataObject) -> Item:
        keys = [{name: item[name] for name in "ps"} for item in self.model.values()]
        if keys and data.draw(st.booleans()):
            return data.draw(st.sampled_from(keys))
        return {name: self.draw_near(data, name) for name in "ps"}

    def draw_rest(self, data: st.DataObject) -> Item:
        return data.draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "g": st.sampled_from(FEW[self.types["g"]]),
                    "h": of_type(self.types["h"]),
                    "x": SMALL,
                    "y": ANY,
                },
            )
        )

    def draw_item(self, data: st.DataObject) -> Item:
        return {**self.draw_rest(data), **self.draw_key(data)}

    def draw_update(self, data: st.DataObject, key: Item) -> tuple[dict[str, Any], Item]:
        """An UpdateItem's request but for the key, and the item after it."""
        before = self.model.get(self.place(key), key)
        after = dict(before)
        sets = self.draw_rest(data)
        values = {f":{name}": value for name, value in sets.items()}
        removed = [n for n in "ghxy" if n not in sets and data.draw(st.booleans())]
        parts = []
        if sets:
            parts.append("SET " + ", ".join(f"{name} = :{name}" for name in sets))
        if "x" not in sets and "x" not in removed:
            values[":add"] = data.draw(SMALL)
            parts.append("ADD x :add")
            now = Decimal(before.get("x", {"N": "0"})["N"])
            after["x"] = {"N": str(now + Decimal(values[":add"]["N"]))}
        if removed:
            parts.append("REMOVE " + ", ".join(removed))
        after |= sets
        for name in removed:
            after.pop(name, None)
        request: dict[str, Any] = {"UpdateExpression": " ".join(parts)}
        if values:
            request["ExpressionAttributeValues"] = values
        return request, after

    def held_by(self, index: str | None) -> list[Item]:
        """The whole items that an index (None: the table) holds: those that have its key."""
        keys, _ = self.sources[index]
        return [i for i in self.model.values() if all(n in i for n in keys if n)]

    def as_held(self, index: str | None, items: list[Item]) -> list[Item]:
        keys, projected = self.sources[index]
        return cut(items, keys, projected)

    def filter_for(self, index: str | None, text: str | None) -> str | None:
        """The filter, where the index has what it asks about and it is not about its key."""
        keys, projected = self.sources[index]
        if text is None or ("(g)" in text and "g" in keys):
            return None
        asked = {n for n in "gxy" if f"({n})" in text or (n == "x" and "x" in text.split())}
        return text if projected is None or asked <= {*projected, *"ps"} else None

    def read(
        self,
        operation: str,
        request: dict[str, Any],
        chosen: list[Item],
        text: str | None,
        number: Value,
        limit: int,
        projected: list[str] | None,
        index: str | None,
    ) -> list[Item]:
        """Read whole, and in pages; both are what the model says.

        Returns:
            The items, in the order in which they came.
        """
        keys, _ = self.sources[index]
        wanted = [i for i in chosen if text is None or CONDITIONS[text](i, number)]
        whole = self.must(operation, **request)
        assert bag(whole["Items"]) == bag(cut(wanted, keys, projected))
        assert (whole["Count"], whole["ScannedCount"]) == (len(wanted), len(chosen))
        assert "LastEvaluatedKey" not in whole
        found, examined = self.pages(operation, {**request, "Limit": limit})
        assert [seen(item) for item in found] == [seen(item) for item in whole["Items"]]
        assert examined == len(chosen)
        return found

    def pages(self, operation: str, request: dict[str, Any]) -> tuple[list[Item], int]:
        """All pages one after the other, and how many items they examined."""
        found: list[Item] = []
        examined = 0
        for _ in range(len(self.model) + 2):
            page = self.must(operation, **request)
            assert len(page["Items"]) == page["Count"] <= page["ScannedCount"]
            assert page["ScannedCount"] <= request.get("Limit", page["ScannedCount"])
            found += page["Items"]
            examined += page["ScannedCount"]
            if "LastEvaluatedKey" not in page:
                return found, examined
            request = {**request, "ExclusiveStartKey": page["LastEvaluatedKey"]}
        raise AssertionError("the pages have no end")


def said(sort: str | None, operator: str | None) -> str:
    """A condition on the sort key, to follow the one on the partition key."""
    return {
        None: "",
        "between": f" AND {sort} BETWEEN :s0 AND :s1",
        "begins_with": f" AND begins_with({sort}, :s0)",
    }.get(operator, f" AND {sort} {operator} :s0")


def schema(keys: tuple[str, str | None]) -> list[dict[str, str]]:
    return [
        {"AttributeName": name, "KeyType": kind}
        for name, kind in zip(keys, ("HASH", "RANGE"), strict=True)
        if name
    ]


def named(index: str | None) -> dict[str, Any]:
    return {"IndexName": index} if index else {}


def condition(text: str, number: Value) -> dict[str, Any]:
    values = {"ExpressionAttributeValues": {":n": number}} if ":n" in text else {}
    return {"ConditionExpression": text, **values}


def cut(items: list[Item], keys: tuple[str, str | None], projected: list[str] | None) -> list[Item]:
    """Items with what an index projects."""
    if projected is None:
        return items
    kept = {"p", "s", *keys, *projected}
    return [{n: v for n, v in item.items() if n in kept} for item in items]


examples = os.environ.get("MODEL_EXAMPLES")
TestTables = Tables.TestCase
TestTables.settings = settings(
    max_examples=int(examples or 150),
    stateful_step_count=25,
    deadline=None,
    derandomize=examples is None,
    database=None,
)
