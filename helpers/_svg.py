"""Lay a network out on a page and draw it as SVG: boxes by zone, arrows in lanes of their own.

Nothing has an id, colours are attributes and arrow heads are polygons: GitHub and nbviewer put the
picture into their own page and drop style sheets and references. It brings its own light ground,
so that it reads the same in a light theme, in a dark one and on a projector.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, SubElement, tostring

WIDTH = 900
EDGE = 30  # around a VPC; arrows to a second VPC run down the left edge
PAD = 14
HEADER = 74  # of a VPC: its name, the lane from its gateway, and the names of the zones
LANES = 40  # kept free at the left of each subnet: arrows from the internet, and from the bastion
COLUMNS = 3  # zones side by side; more zones go below
GATEWAY_X = 600
FONT = "-apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', Arial, sans-serif"
INK, FAINT, PAPER, WHITE = "#1f2937", "#4b5563", "#f8fafc", "#ffffff"
GREEN, RED, BLUE, ORANGE, PURPLE = "#15803d", "#b91c1c", "#1d4ed8", "#b45309", "#6d28d9"
GROUND = {"public": ("#ecf7ee", "#6fa67b", GREEN), "private": ("#edf3fc", "#86a1cc", BLUE)}
Point = tuple[float, float]


@dataclass
class Card:
    """An EC2 or DB instance: what is written on it, and who may come in."""

    id: str
    name: str
    kind: str  # "EC2", "DB", "writer", "reader"
    lines: list[str]
    up: bool
    door: str = ""
    open: bool = False
    visitor: str = ""  # "you", the id of another card, or nobody
    corner: Point = (0, 0)
    middle: float = 0
    lane: float = 0  # y of the free lane under its row of subnets


@dataclass
class Subnet:
    """A subnet, "public" or "private", and what is in it."""

    name: str
    detail: str
    kind: str
    cards: list[Card]


@dataclass
class Vpc:
    """A VPC, its internet gateway if any, and its subnets by availability zone."""

    name: str
    detail: str
    gateway: str
    zones: dict[str, list[Subnet]]
    top: float = 0


@dataclass
class Network:
    """All of it. `note` is said instead of, or below, the VPCs; `homeless` are in no subnet yet."""

    you: str
    vpcs: list[Vpc]
    homeless: list[Card] = field(default_factory=list)
    note: str = ""


def draw(network: Network, description: str) -> str:
    """The SVG of a network; ElementTree escapes whatever a name contains."""
    svg = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img"})
    SubElement(svg, "title").text = "Map of this account's network"
    SubElement(svg, "desc").text = description
    ground = SubElement(svg, "g")
    _box(ground, (EDGE, 14), (WIDTH - 2 * EDGE, 50), WHITE, "#cbd5e1", radius=25)
    _text(ground, (EDGE + 24, 44), "Internet", bold=True, size=15)
    top = 104.0
    for vpc in network.vpcs:
        top = _vpc(ground, vpc, top) + 40
    top = _homeless(ground, network.homeless, top)
    if network.note:
        _text(ground, (WIDTH / 2, top), network.note, size=15, anchor="middle", fill=FAINT)
        top += 30
    if _arrows(svg, network):
        words = "✓ solid green: gets through  ·  ✕ dashed red: blocked, and by what"
        _text(svg, (WIDTH - EDGE, top - 14), words, fill=FAINT, anchor="end")
        top += 8
    for vpc in network.vpcs:
        label = vpc.gateway or "no internet gateway"
        _pill(svg, (GATEWAY_X, vpc.top), label, PURPLE, there=bool(vpc.gateway))
    _pill(svg, (GATEWAY_X, 39), network.you, INK)
    svg.attrib |= {"viewBox": f"0 0 {WIDTH} {top:g}", "width": str(WIDTH)}
    svg.attrib |= {"font-family": FONT, "style": "max-width: 100%; height: auto"}
    paper = {"width": "100%", "height": "100%", "rx": "10", "fill": PAPER}
    ground.insert(0, Element("rect", paper))
    return tostring(svg, encoding="unicode")


def _vpc(parent: Element, vpc: Vpc, top: float) -> float:
    """Draw a VPC and return its bottom: bands of zones, in each public subnets above private."""
    frame, zone_frames = SubElement(parent, "g"), SubElement(parent, "g")
    vpc.top = top
    zones = list(vpc.zones.items())
    columns = min(COLUMNS, max(1, len(zones)))
    width = (WIDTH - 2 * EDGE - PAD * (columns + 1)) / columns
    bottom = top + HEADER
    for first in range(0, len(zones), columns):
        band = zones[first : first + columns]
        if first:
            bottom += 16
        band_top = bottom - 20
        for kind in ("public", "private"):
            row = [[s for s in subnets if s.kind == kind] for _, subnets in band]
            if any(row):
                bottom = _row(parent, row, bottom, width) + 24
        for column, (zone, _) in enumerate(band):
            x = EDGE + PAD + column * (width + PAD)
            corner, size = (x - 5, band_top), (width + 10, bottom - 19 - band_top)
            _box(zone_frames, corner, size, "none", "#b6bfcb", dashed=True)
            _text(parent, (x + LANES, band_top + 14), zone, fill=FAINT)
    bottom = bottom - 24 + PAD if zones else bottom
    if not zones:
        _text(parent, (EDGE + PAD + 10, bottom - 14), "no subnets yet", fill=FAINT)
    _box(frame, (EDGE, top), (WIDTH - 2 * EDGE, bottom - top), WHITE, PURPLE, thick=1.6)
    _text(frame, (EDGE + PAD, top + 34), _fit(vpc.name, 420, 15), bold=True, size=15)
    _text(frame, (WIDTH - EDGE - PAD, top + 34), vpc.detail, fill=FAINT, anchor="end")
    return bottom


def _row(parent: Element, row: list[list[Subnet]], top: float, width: float) -> float:
    """Draw one row of subnets, a stack for each zone, and return the bottom of the tallest."""
    bottoms = []
    for column, stack in enumerate(row):
        x, y = EDGE + PAD + column * (width + PAD), top
        for subnet in stack:
            y = _subnet(parent, subnet, (x, y), width) + 10
        bottoms.append(y - 10)
    for card in (card for stack in row for subnet in stack for card in subnet.cards):
        card.lane = max(bottoms) + 12
    return max(bottoms)


def _subnet(parent: Element, subnet: Subnet, corner: Point, width: float) -> float:
    frame = SubElement(parent, "g")
    fill, stroke, ink = GROUND[subnet.kind]
    x, y = corner[0] + LANES, corner[1] + 22
    inside = width - LANES - 12
    _text(parent, (x, y), _fit(subnet.name, inside - 54, 14), bold=True, size=14)
    _text(parent, (x + inside, y), subnet.kind, fill=ink, bold=True, anchor="end")
    for line in _wrap(subnet.detail, inside, 12):
        y += 16
        _text(parent, (x, y), line, fill=FAINT)
    for card in subnet.cards:
        y = _card(parent, card, (x, y + 12), inside)
    _box(frame, corner, (width, y + 12 - corner[1]), fill, stroke)
    return y + 12


def _card(parent: Element, card: Card, corner: Point, width: float) -> float:
    """Draw an instance and return its bottom."""
    frame = SubElement(parent, "g")
    colour = ORANGE if card.kind == "EC2" else BLUE
    x, y = corner[0] + 16, corner[1] + 20
    _text(parent, (x, y), _fit(card.name, width - 80, 14), bold=True, size=14)
    right = corner[0] + width - 10
    _text(parent, (right, y), card.kind, fill=colour, bold=True, anchor="end")
    for line in card.lines:
        for part in _wrap(line, width - 28, 12):
            y += 16
            _text(parent, (x, y), part, fill=FAINT)
    card.corner, card.middle = corner, corner[1] + 26
    if card.door:
        y += 5
        door = ("✓ " if card.open else "✕ ") + card.door
        # A no-break space keeps "sg" and the group's name on one line.
        for part in _wrap(door.replace("sg ", "sg\u00a0"), width - 28, 12.5):
            y += 16
            _text(parent, (x, y), part, fill=GREEN if card.open else RED, size=12.5)
    height = y + 11 - corner[1]
    edge = "#94a3b8" if card.up else "#9ca3af"
    _box(frame, corner, (width, height), WHITE, edge, dashed=not card.up, radius=6)
    _box(frame, corner, (5, height), colour if card.up else "#9ca3af", "none", radius=2)
    return corner[1] + height


def _homeless(parent: Element, cards: list[Card], top: float) -> float:
    """Draw what is in no subnet yet, two side by side."""
    if not cards:
        return top
    _text(parent, (EDGE, top - 12), "Not in a subnet yet", bold=True, size=13)
    width = (WIDTH - 2 * EDGE - PAD) / 2
    for first in range(0, len(cards), 2):
        pair = enumerate(cards[first : first + 2])
        top = 10 + max(_card(parent, c, (EDGE + i * (width + PAD), top), width) for i, c in pair)
        for card in cards[first : first + 2]:
            card.visitor = ""
    return top + 30


def _arrows(parent: Element, network: Network) -> int:
    """Draw the arrows, those to open doors last: where two share a lane the green one is seen."""
    arrows = []
    for vpc in network.vpcs:
        cards = [c for subnets in vpc.zones.values() for s in subnets for c in s.cards]
        for card in cards:
            if card.visitor == "you":
                arrows.append((card, _from_you(card, vpc, vpc is network.vpcs[0])))
            for other in cards:
                if other.id == card.visitor:
                    arrows.append((card, _from_card(other, card)))
    for card, points in sorted(arrows, key=lambda a: a[0].open):
        _arrow(parent, points, card.door, card.open)
    return len(arrows)


def _from_you(card: Card, vpc: Vpc, first: bool) -> list[Point]:
    x, lane, header = card.corner[0], card.corner[0] - 28, vpc.top + 48
    start: list[Point] = [(GATEWAY_X, 39)]
    if not first:  # round the VPCs above, by the left edge
        start += [(GATEWAY_X, 84), (14, 84), (14, vpc.top - 20), (GATEWAY_X, vpc.top - 20)]
    return [*start, (GATEWAY_X, header), (lane, header), (lane, card.middle), (x, card.middle)]


def _from_card(source: Card, target: Card) -> list[Point]:
    x0, y0 = source.corner[0], source.middle + 18
    x1, y1 = target.corner[0], target.middle
    if x0 == x1:
        return [(x0, y0), (x0 - 16, y0), (x0 - 16, y1), (x1, y1)]
    lane = source.lane
    return [(x0, y0), (x0 - 16, y0), (x0 - 16, lane), (x1 - 16, lane), (x1 - 16, y1), (x1, y1)]


def _arrow(parent: Element, points: list[Point], title: str, allowed: bool) -> None:
    """A line that ends in a head pointing right: solid green, or dashed red when blocked."""
    colour = GREEN if allowed else RED
    group = SubElement(parent, "g", {"class": f"arrow {'allowed' if allowed else 'blocked'}"})
    SubElement(group, "title").text = title
    x, y = points[-1]
    line = " ".join(f"{px:g},{py:g}" for px, py in [*points[:-1], (x - 4, y)])
    style = {"fill": "none", "stroke": colour, "stroke-width": "2.2", "stroke-linejoin": "round"}
    dash = {} if allowed else {"stroke-dasharray": "6 4"}
    SubElement(group, "polyline", {"points": line, **style, **dash})
    head = f"{x:g},{y:g} {x - 10:g},{y - 5.5:g} {x - 10:g},{y + 5.5:g}"
    SubElement(group, "polygon", {"points": head, "fill": colour})


def _pill(parent: Element, middle: Point, label: str, colour: str, *, there: bool = True) -> None:
    width = 7.4 * len(label) + 32
    corner = (middle[0] - width / 2, middle[1] - 13)
    fill, ink = (colour, WHITE) if there else (WHITE, colour)
    _box(parent, corner, (width, 26), fill, colour, dashed=not there, radius=13)
    _text(parent, (middle[0], middle[1] + 4), label, fill=ink, bold=True, anchor="middle")


def _box(
    parent: Element,
    corner: Point,
    size: Point,
    fill: str,
    stroke: str,
    *,
    dashed: bool = False,
    radius: float = 8,
    thick: float = 1.2,
) -> None:
    place = {"x": corner[0], "y": corner[1], "width": size[0], "height": size[1], "rx": radius}
    attributes = {key: f"{round(value, 1):g}" for key, value in place.items()}
    attributes |= {"fill": fill, "stroke": stroke, "stroke-width": f"{thick:g}"}
    dash = {"stroke-dasharray": "5 4"} if dashed else {}
    SubElement(parent, "rect", attributes | dash)


def _text(
    parent: Element,
    at: Point,
    content: str,
    *,
    fill: str = INK,
    size: float = 12,
    bold: bool = False,
    anchor: str = "start",
) -> None:
    attributes = {"x": f"{round(at[0], 1):g}", "y": f"{round(at[1], 1):g}", "fill": fill}
    attributes |= {"font-size": f"{size:g}", "text-anchor": anchor}
    weight = {"font-weight": "600"} if bold else {}
    SubElement(parent, "text", attributes | weight).text = content


def _fit(content: str, width: float, size: float) -> str:
    """One line of bold text, cut where it would be wider than `width`."""
    most = max(6, int(width / (size * 0.66)))
    return content if len(content) <= most else content[: most - 1] + "…"


def _wrap(content: str, width: float, size: float) -> list[str]:
    """Lines that surely fit: 0.57 em is a mean letter of the widest of the fonts."""
    return textwrap.wrap(content, int(width / (size * 0.57)), break_on_hyphens=False)
