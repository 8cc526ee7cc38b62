"""The sorted tables against a plain model: same answers, whatever is written in whatever order."""

import pickle
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.dynamodb.capacity import index_units
from sandbox.dynamodb.errors import DynamoDBError
from sandbox.dynamodb.keyconditions import KeyCondition, meets, range_of
from sandbox.dynamodb.storage import Keys, TableItems, record_of
from sandbox.dynamodb.values import comparable, item_size, normal, normal_number, ordered, size_of

# Close together, so that keys collide, and with what is hard: zero bytes, 255, non-ASCII.
texts = st.text(alphabet="\x00\x01ab\u00ff가😀", min_size=1, max_size=3)
binaries = st.binary(min_size=1, max_size=3)
numbers = st.one_of(
    st.integers(-20, 20).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-99, max_value=99).map(
        str
    ),
    st.sampled_from(["1e125", "-1e125", "1e-130", "-1e-130", "0", "-0", "0.10", "1E+3", "999e-3"]),
)


def value_of(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    import base64

    if kind == "S":
        return texts.map(lambda text: {"S": text})
    if kind == "N":
        return numbers.map(lambda number: normal({"N": number}))
    return binaries.map(lambda data: {"B": base64.b64encode(data).decode()})


def few(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """Partition keys: few, so that items share them."""
    return st.sampled_from([{"S": "a"}, {"S": "b"}] if kind == "S" else FEW[kind])


def item(kinds: tuple[str, str, str, str]) -> st.SearchStrategy[dict[str, Any]]:
    partition, sort, other, index_sort = kinds
    return st.fixed_dictionaries(
        {"p": few(partition), "s": value_of(sort)},
        optional={
            "g": few(other),
            "h": value_of(index_sort),
            "x": st.integers(0, 3).map(lambda n: {"N": str(n)}),
        },
    )


FEW = {"N": [{"N": "1"}, {"N": "-1"}], "B": [{"B": "AA=="}, {"B": "AAE="}]}
KINDS = st.tuples(*[st.sampled_from("SNB")] * 4)
OPERATORS = st.sampled_from(["=", "<", "<=", ">", ">=", "between", "begins_with"])


@st.composite
def stories(draw: st.DrawFn) -> Any:
    kinds = draw(KINDS)
    steps = draw(st.lists(st.tuples(st.booleans(), item(kinds)), max_size=25))
    return kinds, steps


@given(stories(), st.data())
@settings(max_examples=150, deadline=None)
def test_the_tables_answer_as_a_list_would(story: Any, data: st.DataObject) -> None:
    (partition, sort, other, index_sort), steps = story
    keys = Keys("p", "s", {"p": partition, "s": sort})
    index_keys = Keys("g", "h", {"g": other, "h": index_sort})
    local_keys = Keys("p", "h", {"p": partition, "h": index_sort})
    table = TableItems(keys)
    table.add_index("global", index_keys, ["x"])
    model: dict[bytes, dict[str, Any]] = {}
    for number, (puts, one) in enumerate(steps):
        if number == len(steps) // 2:
            table.add_index("local", local_keys, None)  # Backfilled with what is there.
        key = keys.bytes_of(one)
        before = model.get(key)
        now = one if puts else None
        table.write(key, before, now, record_of(one) if puts else None)
        if puts:
            model[key] = one
        else:
            model.pop(key, None)
    assert len(table) == len(model)
    assert table.bytes == sum(item_size(one) for one in model.values())
    for key, one in model.items():
        record = table.get(key)
        assert record is not None and record.item() == one
    items = list(model.values())
    check_query(table, items, keys, data, None)
    check_query(table.indexes["global"], items, index_keys, data, {"p", "s", "g", "h", "x"})
    if "local" in table.indexes:
        check_query(table.indexes["local"], items, local_keys, data, None)
    copy = pickle.loads(pickle.dumps(table))
    assert [r for _, r in copy.range(b"", None)] == [r for _, r in table.range(b"", None)]


def check_query(
    held: Any, items: list[dict[str, Any]], keys: Keys, data: st.DataObject, projected: Any
) -> None:
    assert keys.sort is not None
    there = [one for one in items if keys.partition in one and keys.sort in one]
    assert len(held) == len(there)
    if not there:
        return
    partition = data.draw(st.sampled_from([one[keys.partition] for one in there]))
    operator = data.draw(OPERATORS)
    kind = keys.types[keys.sort]
    if operator == "begins_with" and kind == "N":
        return
    here = st.sampled_from([one[keys.sort] for one in there])
    bound = st.one_of(here, value_of(kind))
    bounds = [data.draw(bound) for _ in range(2 if operator == "between" else 1)]
    bounds.sort(key=comparable)
    condition = KeyCondition(keys.sort, operator, tuple(bounds))
    where = range_of([KeyCondition(keys.partition, "=", (partition,)), condition], keys)
    wanted = [
        one
        for one in there
        if one[keys.partition] == partition and meets(one[keys.sort], condition)
    ]
    wanted.sort(key=lambda one: comparable(one[keys.sort]))
    if projected:
        wanted = [{n: v for n, v in one.items() if n in projected} for one in wanted]
    for backward in (False, True):
        found = [record.item() for _, record in held.range(where.low, where.high, backward)]
        order = [comparable(one[keys.sort]) for one in found]
        assert order == sorted(order, reverse=backward)
        assert sorted(map(repr, found)) == sorted(map(repr, wanted))


@given(st.lists(numbers, min_size=2, max_size=6))
def test_numbers_sort_by_value(texts: list[str]) -> None:
    values = [normal({"N": text}) for text in texts]
    by_bytes = [v["N"] for v in sorted(values, key=ordered)]
    assert [Decimal(n) for n in by_bytes] == sorted(Decimal(n) for n in by_bytes)


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_number_keeps_its_value(number: Decimal) -> None:
    try:
        text = normal_number(str(number))
    except DynamoDBError:
        digits = number.as_tuple().digits
        assert (
            len("".join(map(str, digits)).strip("0")) > 38 or not -130 <= number.adjusted() <= 125
        )
        return
    assert Decimal(text) == number
    assert normal_number(text) == text
    assert "E" not in text


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "가"}, 3),
        ({"N": "0"}, 1),
        ({"N": "12"}, 2),
        ({"N": "123"}, 3),
        ({"N": "1200"}, 2),
        ({"N": "-0.5"}, 2),
        ({"B": "AAECAw=="}, 4),
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"SS": ["a", "bc"]}, 3),
        ({"L": []}, 3),
        ({"L": [{"S": "a"}, {"S": "b"}]}, 7),
        ({"M": {"ab": {"S": "c"}}}, 7),
    ],
)
def test_sizes_follow_the_published_rules(value: dict[str, Any], size: int) -> None:
    assert size_of(value) == size


def test_what_a_write_costs_each_index() -> None:
    keys = Keys("p", None, {"p": "S"})
    table = TableItems(keys)
    table.add_index("some", Keys("g", None, {"g": "S"}), [])

    def step(before: Any, now: Any) -> float:
        one = now or before
        record = record_of(now) if now else None
        changes = table.write(keys.bytes_of(one), before, now, record)
        return sum(index_units(change) for change in changes.values())

    plain, keyed = {"p": {"S": "1"}}, {"p": {"S": "1"}, "g": {"S": "a"}}
    other = {"p": {"S": "1"}, "g": {"S": "a"}, "x": {"S": "not projected"}}
    moved = {"p": {"S": "1"}, "g": {"S": "b"}, "x": {"S": "not projected"}}
    assert step(None, plain) == 0
    assert step(plain, keyed) == 1
    assert step(keyed, other) == 0
    assert step(other, moved) == 2
    assert step(moved, None) == 1
