"""Draws a few numbers as bars, so that a page can show how much more one is than another."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree.ElementTree import Element, SubElement, tostring

from helpers import _svg
from helpers.drawing import Drawing
from helpers.errors import CourseError

WIDTH, ROW, BAR, EDGE = 720, 40, 22, 30
LETTER = 0.57  # mean width of a letter of the widest of the fonts, in em
SIZE = 14


def bar_chart(values: Mapping[str, float], unit: str) -> Drawing:
    """Draw a horizontal bar for each value, all on one scale that begins at 0.

    Args:
        values: label -> value, none below 0; drawn in this order, from the top, and written with
            two decimals at most.
        unit: of all values, such as "read units"; it is written below.

    Returns:
        A Drawing, the last line of a cell shows it; in a terminal, the labels and the values. The
        same values give the same drawing.

    Raises:
        CourseError: there is nothing to draw, or a value is below 0.
    """
    if not values or min(values.values()) < 0:
        raise CourseError(
            'bar_chart() draws values from 0 up, at least one: bar_chart({"query": 6}, "units").'
        )
    numbers = {label: f"{round(value, 2):,.12g}" for label, value in values.items()}
    left = EDGE + SIZE * LETTER * max(map(len, values)) + 16
    right = SIZE * LETTER * max(map(len, numbers.values())) + EDGE
    width, largest = WIDTH - left - right, max(values.values()) or 1
    height = 2 * EDGE + ROW * len(values)

    text = "\n".join(f"{label}: {number} {unit}" for label, number in numbers.items())
    svg = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img"})
    svg.attrib |= {"viewBox": f"0 0 {WIDTH} {height}", "width": str(WIDTH)}
    svg.attrib |= {"font-family": _svg.FONT, "style": "max-width: 100%; height: auto"}
    SubElement(svg, "title").text = f"Bars: {unit}"
    SubElement(svg, "desc").text = text
    ground = {"width": "100%", "height": "100%", "rx": "10", "fill": _svg.PAPER}
    SubElement(svg, "rect", ground)
    for row, (label, value) in enumerate(values.items()):
        top = EDGE / 2 + ROW * row + (ROW - BAR) / 2
        # What is not 0 is to be seen, if only as a line.
        long = max(width * value / largest, 1.5 if value else 0)
        place = {"x": left, "y": top, "width": long, "height": BAR}
        bar = {name: f"{round(number, 1):g}" for name, number in place.items()}
        SubElement(svg, "rect", {**bar, "rx": "2", "fill": _svg.BLUE})
        _write(svg, (left - 12, top + 16), label, anchor="end")
        _write(svg, (left + long + 8, top + 16), numbers[label], weight="600")
    _write(svg, (left, height - EDGE / 2), unit, fill=_svg.FAINT)
    return Drawing(tostring(svg, encoding="unicode"), text)


def _write(
    svg: Element,
    at: tuple[float, float],
    words: str,
    *,
    anchor: str = "start",
    fill: str = _svg.INK,
    weight: str = "400",
) -> None:
    attributes = {"x": f"{round(at[0], 1):g}", "y": f"{round(at[1], 1):g}", "fill": fill}
    attributes |= {"font-size": str(SIZE), "font-weight": weight, "text-anchor": anchor}
    SubElement(svg, "text", attributes).text = words
