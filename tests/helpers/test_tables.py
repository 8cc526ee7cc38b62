"""Tables of responses, on responses in the shape that boto3 returns."""

import datetime
from decimal import Decimal

import pandas as pd
import pytest

from helpers.errors import CourseError
from helpers.tables import MISSING, facts, look_up, table

CLUSTERS = [
    {
        "DBClusterIdentifier": "bookstore",
        "Status": "available",
        "Endpoint": "bookstore.cluster-c0a1b2c3d4e5.us-east-1.rds.amazonaws.com",
        "Port": 3306,
        "MultiAZ": True,
        "AvailabilityZones": ["us-east-1a", "us-east-1b"],
        "DBClusterMembers": [
            {"DBInstanceIdentifier": "bookstore-1", "IsClusterWriter": True},
            {"DBInstanceIdentifier": "bookstore-2", "IsClusterWriter": False},
        ],
        "TagList": [{"Key": "Name", "Value": "bookstore"}, {"Key": "course.unit", "Value": "1"}],
        "ClusterCreateTime": datetime.datetime(
            2026, 11, 23, 9, 5, 7, 123456, datetime.timezone(datetime.timedelta(hours=9))
        ),
    },
    {"DBClusterIdentifier": "other", "Status": "creating", "Port": 3307, "MultiAZ": False},
]


def test_columns_in_the_order_given_the_renamed_after_them():
    made = table(CLUSTERS, "Status", "DBClusterIdentifier", writer="Endpoint", open_port="Port")
    assert isinstance(made, pd.DataFrame)
    assert list(made.columns) == ["Status", "DBClusterIdentifier", "writer", "open port"]
    assert list(made["Status"]) == ["available", "creating"]
    assert list(made["writer"]) == [CLUSTERS[0]["Endpoint"], ""]
    assert made["open port"].sum() == 6613  # numbers stay numbers


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("MultiAZ", "yes"),
        ("AvailabilityZones", "us-east-1a, us-east-1b"),
        ("AvailabilityZones.1", "us-east-1b"),
        ("AvailabilityZones.2", ""),
        ("DBClusterMembers.0.DBInstanceIdentifier", "bookstore-1"),
        ("DBClusterMembers.DBInstanceIdentifier", "bookstore-1, bookstore-2"),
        ("DBClusterMembers.IsClusterWriter", "yes, no"),
        (
            "DBClusterMembers",
            "DBInstanceIdentifier=bookstore-1, IsClusterWriter=yes; "
            "DBInstanceIdentifier=bookstore-2, IsClusterWriter=no",
        ),
        ("TagList.Name", "bookstore"),
        ("TagList.course.unit", "1"),
        ("TagList.Owner", ""),
        ("TagList", "Name=bookstore, course.unit=1"),
        ("ClusterCreateTime", "2026-11-23 00:05:07 UTC"),
        ("Endpoint.Address", ""),
        ("Nothing.At.All", ""),
    ],
)
def test_a_path_and_what_is_shown(path, shown):
    assert table(CLUSTERS[:1], path).iloc[0, 0] == shown


def test_values_of_dynamodb_items():
    item = {"Title": "Dune", "Price": Decimal("9.90"), "Formats": {"b", "a"}, "Info": {"Pages": 7}}
    made = table([item, {"Title": "Emma", "Raw": b"\x01\xff", "None": None}])
    assert list(made.columns) == ["Title", "Price", "Formats", "Info", "Raw", "None"]
    assert made.iloc[0].to_list() == ["Dune", Decimal("9.90"), "a, b", "Pages=7", "", ""]
    assert made.iloc[1].to_list() == ["Emma", "", "", "", "01ff", ""]


def test_it_is_shown_without_row_numbers_and_in_full():
    made = table(CLUSTERS, "DBClusterIdentifier", "Endpoint")
    html, text = made._repr_html_(), repr(made)
    assert CLUSTERS[0]["Endpoint"] in html and CLUSTERS[0]["Endpoint"] in text
    assert "<th>0</th>" not in html and html.count("<th ") == html.count("</th>") == 2
    assert text.splitlines()[1].split() == ["bookstore", CLUSTERS[0]["Endpoint"]]
    assert " at 0x" not in html + text


def test_text_is_escaped():
    made = table([{"Name": "<td><b>x</b>"}], "Name")
    assert "<b>" not in made._repr_html_() and made._repr_html_().count("<td") == 1


def test_what_is_computed_from_it_is_an_ordinary_frame():
    made = table(CLUSTERS, "DBClusterIdentifier", "Port")
    assert type(made[made["Port"] > 3306]) is pd.DataFrame
    assert made.set_index("DBClusterIdentifier").loc["other", "Port"] == 3307


@pytest.mark.parametrize("columns", [(), ("Status",), ("Status", "Endpoint")])
def test_no_rows(columns):
    made = table([], *columns)
    assert list(made.columns) == list(columns) and len(made) == 0
    for shown in (made._repr_html_(), repr(made)):
        assert "(none)" in shown and all(column in shown for column in columns)


def test_rows_may_come_from_a_generator():
    assert list(table((row for row in CLUSTERS), "Status")["Status"]) == ["available", "creating"]


def test_a_whole_response_is_refused_with_what_to_type():
    with pytest.raises(CourseError, match=r'response\["DBClusters"\].*facts\(resource\)'):
        table({"DBClusters": CLUSTERS, "ResponseMetadata": {}}, "Status")


def test_facts():
    made = facts(CLUSTERS[0], "Status", "MultiAZ", writer="Endpoint", port="Port")
    assert made.to_dict("list") == {
        "what": ["Status", "MultiAZ", "writer", "port"],
        "value": ["available", "yes", CLUSTERS[0]["Endpoint"], "3306"],
    }
    assert list(facts({"Account": "1", "ResponseMetadata": {}})["what"]) == ["Account"]


def test_look_up_tells_missing_from_empty():
    assert look_up(CLUSTERS[0], "Endpoint.Address") is MISSING
    assert look_up({"A": None}, "A") is None
    assert look_up({"A": []}, "A.B") == []
    assert look_up({"A": []}, "A.0.B") is MISSING
