"""A chart's bars are as long as its values are large, and nothing is written over another."""

from xml.etree import ElementTree

import pytest

from helpers import CourseError, bar_chart

SVG = "{http://www.w3.org/2000/svg}"


def bars(chart) -> list[float]:
    svg = ElementTree.fromstring(chart.svg)
    return [float(rect.get("width", "0")) for rect in svg.findall(f"{SVG}rect")[1:]]


def test_bars_are_in_proportion_and_labelled() -> None:
    chart = bar_chart({"get": 1, "query": 25, "scan": 100}, "read units")
    get, query, scan = bars(chart)
    assert scan / query == pytest.approx(4, abs=0.01)
    assert scan / get == pytest.approx(100, rel=0.02)
    assert repr(chart) == "get: 1 read units\nquery: 25 read units\nscan: 100 read units"
    words = [text.text for text in ElementTree.fromstring(chart.svg).iter(f"{SVG}text")]
    assert words == ["get", "1", "query", "25", "scan", "100", "read units"]


def test_the_smallest_is_seen_and_nothing_is_nothing() -> None:
    tiny, none, large = bars(bar_chart({"a": 0.5, "b": 0, "c": 2_000_000}, "units"))
    assert (tiny, none) == (1.5, 0)
    assert large > 300
    assert bars(bar_chart({"a": 0, "b": 0}, "units")) == [0, 0]


def test_all_is_inside_the_picture() -> None:
    """By the width of a letter of the widest font."""
    chart = bar_chart({"a scan of the whole catalogue": 1234567.5, "x": 1}, "units")
    svg = ElementTree.fromstring(chart.svg)
    for text in svg.iter(f"{SVG}text"):
        width = 14 * 0.57 * len(text.text or "")
        left = float(text.get("x", "0")) - (width if text.get("text-anchor") == "end" else 0)
        assert left >= 0
        assert left + width <= 720
        assert 0 < float(text.get("y", "0")) < float(svg.get("viewBox", "").split()[3])


def test_the_same_values_give_the_same_drawing_whatever_they_are_called() -> None:
    values = {"<b>&'\"": 1.0}
    assert bar_chart(values, "u").svg == bar_chart(dict(values), "u").svg
    assert "<b>" not in bar_chart(values, "u").svg
    assert "1,500.5" in bar_chart({"a": 1500.5}, "u").svg
    assert "0.06 u" in repr(bar_chart({"a": 0.0625}, "u"))


@pytest.mark.parametrize("values", [{}, {"a": -1}])
def test_what_cannot_be_drawn(values: dict) -> None:
    with pytest.raises(CourseError, match="from 0 up"):
        bar_chart(values, "u")
