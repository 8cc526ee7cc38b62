"""Items as a table and as a drawing: what is absent shows, and the order is always the same."""

import itertools
import random
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import boto3
import pytest
from boto3.dynamodb.types import Binary, TypeSerializer

import helpers
from helpers import items_table, partitions_chart
from helpers.drawing import Drawing
from helpers.items import LONGEST, show
from tests.conftest import RunningSandbox

SVG = "{http://www.w3.org/2000/svg}"
SONGS: list[dict[str, Any]] = [
    {"Artist": "Queen", "SongTitle": "Radio Ga Ga", "Year": 1984},
    {"Artist": "Queen", "SongTitle": "Bohemian Rhapsody", "Year": 1975},
    {"Artist": "BTS", "SongTitle": "Dynamite", "Year": 2020},
    {"Artist": "Édith <Piaf> & Co", "SongTitle": "La Foule"},
]


def typed(item: dict[str, Any]) -> dict[str, Any]:
    return {name: TypeSerializer().serialize(value) for name, value in item.items()}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Queen", "Queen"),
        ("", ""),
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (1, "1"),
        (Decimal("1.290"), "1.290"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E-7"), "0.0000001"),
        (b"\x89PNG", "0x89504e47"),
        (Binary(b"\x01"), "0x01"),
        (["a", Decimal(2), None], "[a, 2, null]"),
        ({"b": 1, "a": {"d": [], "c": {}}}, "{a: {c: {}, d: []}, b: 1}"),
        ({"ja", "en"}, "{en, ja}"),
        ({Decimal(10), Decimal(9)}, "{9, 10}"),
        ({Binary(b"\x02"), Binary(b"\x01")}, "{0x01, 0x02}"),
    ],
)
def test_values_are_shown_plainly(value: Any, shown: str) -> None:
    assert show(value) == shown


def test_each_attribute_is_a_column_and_what_is_absent_shows() -> None:
    shown = items_table(
        [{"id": 1, "Phone": "555"}, {"id": 2, "Color": ""}, {"id": 3, "Phone": None}]
    )
    assert list(shown.columns) == ["id", "Phone", "Color"]
    assert shown.to_numpy().tolist() == [["1", "555", "·"], ["2", "·", ""], ["3", "null", "·"]]


def test_the_key_comes_first_on_request() -> None:
    assert list(items_table(SONGS, "SongTitle", "Artist").columns)[:2] == ["SongTitle", "Artist"]
    assert list(items_table([], "Artist").columns) == ["Artist"]
    assert len(items_table([])) == 0


def test_typed_items_look_the_same_as_python_ones() -> None:
    item = {"id": 1, "Map": {"S": "not a type"}, "Set": {1, 2}, "Bytes": b"x", "Nothing": None}
    assert items_table([typed(item)]).equals(items_table([item]))


def test_a_map_whose_only_part_is_called_like_a_type_is_a_map() -> None:
    assert items_table([{"id": 1, "Map": {"S": "x"}}])["Map"].tolist() == ["{S: x}"]


def test_a_long_value_is_cut_and_its_length_named() -> None:
    (cell,) = items_table([{"Lyrics": "la " * 1000}])["Lyrics"]
    assert len(cell) <= LONGEST
    assert cell.endswith("… (3,000 characters)")
    whole = "x" * LONGEST
    shown = items_table([{"Text": whole}])
    assert shown["Text"].tolist() == [whole]
    assert whole in shown._repr_html_(), "pandas cuts at 50 by itself"
    assert whole in repr(shown)


def test_a_response_or_one_item_is_refused_with_what_to_type() -> None:
    with pytest.raises(helpers.CourseError, match=r"items_table\(response\['Items'\]\)"):
        items_table({"Items": SONGS})
    with pytest.raises(helpers.CourseError, match=r"items_table\(\[item\]\)"):
        items_table(SONGS[0])


def texts(drawing: Drawing) -> list[str]:
    found = ElementTree.fromstring(drawing.svg).iter(f"{SVG}text")
    return [element.text or "" for element in found]


SITUATIONS: dict[str, Any] = {
    "empty": partitions_chart([], "Artist", "SongTitle"),
    "simple": partitions_chart(SONGS, "SongTitle"),
    "composite": partitions_chart(SONGS, "Artist", "SongTitle", marked=SONGS[:1]),
    "index": partitions_chart(SONGS, "Artist", "Year", also="SongTitle", partitions=4),
    "one partition": partitions_chart(SONGS, "Artist", partitions=1),
    "long": partitions_chart([{"A": "a" * 400, "B": "b" * 900}], "A", "B"),
}


@pytest.mark.parametrize("drawing", SITUATIONS.values(), ids=SITUATIONS.keys())
def test_a_drawing_is_well_formed_and_stays_on_the_page(drawing: Drawing) -> None:
    root = ElementTree.fromstring(drawing.svg)
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}desc") == repr(drawing)
    assert not [e for e in root.iter() if e.get("id")], "ids would clash with another picture's"
    _, _, width, height = map(float, root.get("viewBox", "").split())
    boxes = [r for r in root.iter(f"{SVG}rect") if r.get("x")]
    assert all(float(r.get("x", 0)) + float(r.get("width", 0)) <= width for r in boxes)
    assert all(float(r.get("y", 0)) + float(r.get("height", 0)) <= height for r in boxes)
    assert all(float(t.get("y", 0)) < height for t in root.iter(f"{SVG}text"))


def test_items_of_a_partition_key_lie_together_in_the_order_of_the_sort_key() -> None:
    lines = repr(partitions_chart(SONGS, "Artist", "SongTitle")).splitlines()
    (queen,) = [line for line in lines if "Queen" in line]
    assert queen.endswith("Artist = Queen: Bohemian Rhapsody; Radio Ga Ga")
    titles = texts(SITUATIONS["composite"])
    assert titles.index("Bohemian Rhapsody") < titles.index("Radio Ga Ga")


def test_numbers_are_ordered_by_value_and_strings_by_bytes() -> None:
    items = [{"A": "a", "N": n} for n in (10, 9, Decimal("9.5"), -1)]
    assert repr(partitions_chart(items, "A", "N")).count(": -1; 9; 9.5; 10") == 1
    items = [{"A": "a", "S": s} for s in ("b", "B", "é", "a")]
    assert repr(partitions_chart(items, "A", "S")).count(": B; a; b; é") == 1


def test_each_collection_lies_in_the_partition_of_its_hash() -> None:
    items = [{"id": number} for number in range(60)]
    first, last, seen = 0, 0, 0
    for line in repr(partitions_chart(items, "id", partitions=7)).splitlines()[1:]:
        words = line.split()
        if words[0] == "partition":
            assert int(words[3], 16) == (last + 1 if last else 0)
            first, last = int(words[3], 16), int(words[5], 16)
        else:
            seen += 1
            assert first <= int(words[0], 16) <= last
    assert (seen, last) == (60, 0xFFFF)


def test_any_order_of_items_and_attributes_gives_the_same_drawing() -> None:
    expected = partitions_chart(SONGS, "Artist", "SongTitle", marked=SONGS[1:2])
    for order in itertools.permutations(SONGS):
        turned = [dict(random.sample(list(s.items()), len(s))) for s in order]
        assert partitions_chart(turned, "Artist", "SongTitle", marked=SONGS[1:2]) == expected
    typed_ones = partitions_chart(map(typed, SONGS), "Artist", "SongTitle", marked=SONGS[1:2])
    assert typed_ones == expected


def test_the_same_keys_in_an_index_have_an_order_too() -> None:
    items = [{"Genre": "Jazz", "Year": 1959, "SongTitle": title} for title in "abc"]
    expected = partitions_chart(items, "Genre", "Year", also="SongTitle")
    assert partitions_chart(items[::-1], "Genre", "Year", also="SongTitle") == expected


def test_the_hash_is_the_same_on_every_machine() -> None:
    text = repr(partitions_chart(SONGS, "Artist"))
    assert "2003 Artist = Queen" in text
    assert "e0db Artist = BTS" in text


def test_items_without_the_key_are_counted() -> None:
    assert "1 without Artist or Year: not in here" in texts(SITUATIONS["index"])
    assert not any("without" in text for text in texts(SITUATIONS["composite"]))


def test_what_a_query_found_is_marked() -> None:
    text = repr(partitions_chart(SONGS, "Artist", "SongTitle", marked=SONGS[1:3]))
    assert text.count("*") == 2
    assert "*Bohemian Rhapsody; Radio" in text
    assert "*Dynamite" in text
    # Also when the query returned only some of the attributes, or nothing at all.
    keys = [{name: SONGS[1][name] for name in ("Artist", "SongTitle")}]
    for songs in (SONGS, SONGS[:3]):
        text = repr(partitions_chart(songs, "Artist", "SongTitle", marked=keys))
        assert text.count("*") == 1, "all of SONGS[:3] have a Year, and the keys have none"
    assert "*" not in repr(partitions_chart(SONGS, "Artist", "SongTitle", marked=[]))


def test_on_a_real_table(sandbox: RunningSandbox) -> None:
    client, table = boto3.client("dynamodb"), boto3.resource("dynamodb").Table("Songs")
    keys = {"Artist": "HASH", "SongTitle": "RANGE"}
    client.create_table(
        TableName="Songs",
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
        BillingMode="PAY_PER_REQUEST",
    )
    helpers.wait_for(client.describe_table, "Table.TableStatus", "ACTIVE", TableName="Songs")
    for song in SONGS:
        table.put_item(Item=song)
    stored, raw = table.scan()["Items"], client.scan(TableName="Songs")["Items"]
    assert items_table(stored).equals(items_table(raw))
    expected = partitions_chart(SONGS, "Artist", "SongTitle")
    assert partitions_chart(stored, "Artist", "SongTitle") == expected


def test_checks_of_lab_2(sandbox: RunningSandbox) -> None:
    for page in ("2.1", "2.2"):
        assert not helpers.check(page).passed, page
    helpers.catch_up("2.3")
    for page in ("2.1", "2.2", "2.3"):
        assert helpers.check(page).passed, helpers.check(page)

    people, music = map(boto3.resource("dynamodb").Table, ("People", "Music"))
    people.put_item(Item={"PersonID": 104})
    people.delete_item(Key={"PersonID": 102})
    to_do = " ".join(helpers.check("2.1")["to do"])
    assert "different: 102" in to_do
    assert "step 6: 104" in to_do
    music.put_item(Item={"Artist": "BTS", "SongTitle": "Dynamite"})
    assert "different: Dynamite" in " ".join(helpers.check("2.2")["to do"])

    client = boto3.client("dynamodb")
    client.create_table(
        TableName="MusicFive",
        KeySchema=[{"AttributeName": "Artist", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "Artist", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    assert "Delete MusicFive" in " ".join(helpers.check("2.3")["to do"])
    helpers.catch_up("2.3")
    assert helpers.check("2.2").passed, "catching up puts back what page 2.2 loads"


def test_a_wrong_key_is_named(sandbox: RunningSandbox) -> None:
    client = boto3.client("dynamodb")
    if "People" in client.list_tables()["TableNames"]:
        client.delete_table(TableName="People")
        helpers.wait_for(client.describe_table, "Table.TableStatus", "gone", TableName="People")
    client.create_table(
        TableName="People",
        KeySchema=[{"AttributeName": "Name", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "Name", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    helpers.wait_for(client.describe_table, "Table.TableStatus", "ACTIVE", TableName="People")
    assert "Its key is Name (HASH, S)" in " ".join(helpers.check("2.1")["to do"])
