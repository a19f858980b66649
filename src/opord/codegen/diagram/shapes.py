"""The parts of a drawing as SVG elements: boxes for each kind of state, signs, arrow tips."""

from __future__ import annotations

from math import hypot
from xml.etree.ElementTree import Element, SubElement

from opord.codegen.diagram.layout import LinkPath, Point, Rect
from opord.codegen.diagram.picture import StateSign, Work
from opord.codegen.diagram.plan import WORK_ROW

_TIP_LENGTH, _TIP_WIDTH = 9.0, 7.0
_CUT = 11.0


def number(value: float) -> str:
    """Write a length with at most two decimals and without trailing zeros."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def group(parent: Element, classes: str, **attributes: str) -> Element:
    """Add a group."""
    return SubElement(parent, "g", {"class": classes, **attributes})


def write(parent: Element, x: float, y: float, text: str, classes: str = "", anchor: str = "") -> Element:
    """Add a line of text; `y` is the baseline."""
    attributes = {"x": number(x), "y": number(y)}
    if classes:
        attributes["class"] = classes
    if anchor:
        attributes["text-anchor"] = anchor
    element = SubElement(parent, "text", attributes)
    element.text = text
    return element


def rectangle(parent: Element, rect: Rect, radius: float, classes: str) -> Element:
    """Add a rectangle with rounded corners."""
    attributes = {"class": classes, "x": number(rect.x), "y": number(rect.y)}
    attributes |= {"width": number(rect.width), "height": number(rect.height), "rx": number(radius)}
    return SubElement(parent, "rect", attributes)


def state_box(parent: Element, rect: Rect, sign: StateSign, *, initial: bool = False) -> None:
    """Add the box of a state.

    An acting state is a rectangle. A waiting state has cut corners. A final state is round with a
    double line. The initial state has a bar on its left.
    """
    if sign == "acting":
        rectangle(parent, rect, 3, "box")
    elif sign == "waiting":
        SubElement(parent, "polygon", {"class": "box", "points": _cut_corners(rect)})
    else:
        rectangle(parent, rect, rect.height / 2, "box")
        inner = Rect(rect.x + 3.5, rect.y + 3.5, rect.width - 7, rect.height - 7)
        if sign != "missing":
            rectangle(parent, inner, inner.height / 2, "box inner")
    if initial:
        x, y, foot = rect.x + 3.8, rect.y + 4, rect.y + rect.height - 4
        inset = _CUT - 3 if sign == "waiting" else 0
        path = f"M{number(x)} {number(y + inset)}V{number(foot - inset)}"
        SubElement(parent, "path", {"class": "sign", "d": path})


def _cut_corners(rect: Rect) -> str:
    left, top, right, bottom = rect.x, rect.y, rect.x + rect.width, rect.y + rect.height
    points = [
        (left + _CUT, top), (right - _CUT, top), (right, top + _CUT), (right, bottom - _CUT),
        (right - _CUT, bottom), (left + _CUT, bottom), (left, bottom - _CUT), (left, top + _CUT),
    ]  # fmt: skip
    return " ".join(f"{number(x)},{number(y)}" for x, y in points)


def state_sign(parent: Element, x: float, y: float, sign: StateSign) -> None:
    """Add the sign of a state in a square of 12 pixels around a point.

    It says without colour what the colour says.
    """
    strokes = {
        "acting": "M-3.5 -5L4.5 0L-3.5 5Z",
        "waiting": "M-5.5 0A5.5 5.5 0 1 1 5.5 0A5.5 5.5 0 1 1 -5.5 0M0 -3V0.4L2.3 1.9",
        "success": "M-5 0.5L-1.5 4L5 -4",
        "failure": "M-4 -4L4 4M4 -4L-4 4",
        "cancelled": "M-5.5 0A5.5 5.5 0 1 1 5.5 0A5.5 5.5 0 1 1 -5.5 0M-3.8 3.8L3.8 -3.8",
        "missing": "M-3 -2.5A3 3 0 1 1 0 0.6V1.6M0 4.9V5",
    }
    place = f"translate({number(x)} {number(y)})"
    SubElement(parent, "path", {"class": "sign", "d": strokes[sign], "transform": place})


def work_rows(parent: Element, rect: Rect, y: float, work: tuple[Work, ...]) -> None:
    """Add the calls of a state from `y` down, one a row.

    An action has a badge, an effect has none. The marker of an action in transaction has corners.
    """
    for index, each in enumerate(work):
        top = y + index * WORK_ROW
        row = group(parent, f"work {each.verb}", **{"data-call": each.name})
        if each.verb == "commit":
            badge = Rect(rect.x + 8, top, rect.width - 16, WORK_ROW - 3)
            rectangle(row, badge, 4, "badge")
        middle = top + (WORK_ROW - 3) / 2
        _marker(row, rect.x + 18, middle, each)
        write(row, rect.x + 28, middle + 3.8, each.text)


def _marker(parent: Element, x: float, y: float, work: Work) -> None:
    if work.transaction:
        corners = [(x, y - 5), (x + 5, y), (x, y + 5), (x - 5, y)]
        points = " ".join(f"{number(a)},{number(b)}" for a, b in corners)
        SubElement(parent, "polygon", {"class": "marker", "points": points})
    else:
        SubElement(parent, "circle", {"class": "marker", "cx": number(x), "cy": number(y), "r": "4"})


def way_path(way: LinkPath) -> str:
    """Write the way of an arrow as a path that ends where its tip begins."""
    parts = []
    for index, curve in enumerate(way.curves):
        points = [*curve]
        if index == 0 and way.tip is not None:
            points[-1] = _tip_foot(points, way.tip)
        parts.append("M" + _pair(points[0]) + "C" + " ".join(_pair(point) for point in points[1:]))
    return "".join(parts)


def tip_points(way: LinkPath) -> str:
    """Write the corners of an arrow's tip; empty if it has none."""
    if way.tip is None or not way.curves:
        return ""
    x, y = way.tip
    dx, dy = _direction(list(way.curves[0]), way.tip)
    foot_x, foot_y = x - dx * _TIP_LENGTH, y - dy * _TIP_LENGTH
    side_x, side_y = -dy * _TIP_WIDTH / 2, dx * _TIP_WIDTH / 2
    corners = [(x, y), (foot_x + side_x, foot_y + side_y), (foot_x - side_x, foot_y - side_y)]
    return " ".join(f"{number(a)},{number(b)}" for a, b in corners)


def _tip_foot(points: list[Point], tip: Point) -> Point:
    dx, dy = _direction(points, tip)
    return tip[0] - dx * (_TIP_LENGTH - 1), tip[1] - dy * (_TIP_LENGTH - 1)


def _direction(points: list[Point], tip: Point) -> Point:
    """Return the direction in which a way reaches its tip."""
    for x, y in reversed(points):
        length = hypot(tip[0] - x, tip[1] - y)
        if length > 0.5:
            return (tip[0] - x) / length, (tip[1] - y) / length
    return 0.0, 1.0


def _pair(point: Point) -> str:
    return f"{number(point[0])} {number(point[1])}"
