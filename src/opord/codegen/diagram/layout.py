"""Place everything: Graphviz gets a plan, and its answer is read as pixels from the top left."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any

from opord.codegen.diagram.errors import LayoutTooLarge
from opord.codegen.diagram.graphviz import LIMIT_S, OutOf, run_graphviz
from opord.codegen.diagram.measure import width
from opord.codegen.diagram.plan import Box, BoxLink, DiagramPlan, in_columns
from opord.codegen.diagram.quoting import dot_quoted

FRAME_PX = 12
# Labels are measured here and not by Graphviz, so Graphviz gets a filler of the same size: Courier
# at 10 points has 6 points a letter and 12 points a line.
_LETTER, _LINE = 6, 12

# A higher layout is put into columns, if that brings it closer to this ratio.
_HEIGHT_MAX, _HEIGHT_TO_WIDTH = 2400, 0.9

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle: its top left corner and its size, in pixels."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class LinkPath:
    """The way of a link.

    `curves` has Bézier curves: a start, then three points for each curve. `tip` is the tip of the
    arrow, and `label` is the middle of the label.
    """

    curves: tuple[tuple[Point, ...], ...]
    tip: Point | None
    label: Point | None


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of all parts of a plan.

    Boxes are listed by key, frames by name, and ways in the order of the links.
    """

    width: float
    height: float
    boxes: Mapping[str, Rect]
    frames: Mapping[str, Rect]
    ways: tuple[LinkPath, ...]


def lay_out(plan: DiagramPlan, *, limit_s: float = LIMIT_S) -> Layout:
    """Place everything from top to bottom.

    A layout that would be too high for a page is put into columns.

    Raises:
        LayoutMissing, LayoutTooLarge, LayoutFailed: the layout cannot be made.
    """
    layout = _placed(plan, limit_s / 2)
    if layout.height <= _HEIGHT_MAX:
        return layout
    columns = round(sqrt(layout.height / (layout.width * _HEIGHT_TO_WIDTH)))
    if columns > 1:
        return _placed(in_columns(plan, columns), limit_s / 2)
    return layout


def _placed(plan: DiagramPlan, limit_s: float) -> Layout:
    try:
        answer = run_graphviz("\n".join(_source(plan)), output="json0", limit_s=limit_s)
    except OutOf as spent:
        states = len({box.node.name for box in plan.boxes if box.node is not None})
        arrows = sum(link.arrow is not None for link in plan.links)
        raise LayoutTooLarge(states, arrows, spent.what) from None
    return _read(plan, json.loads(answer))


# --- The input of Graphviz
# ----------------------------------------------------------------------------


def _source(plan: DiagramPlan) -> Iterator[str]:
    yield "digraph {"
    yield "graph [rankdir=TB nodesep=0.4 ranksep=0.42 pad=0 margin=0 fontname=Courier fontsize=10 labeljust=l];"
    yield 'node [shape=box fixedsize=true label=""];'
    yield "edge [fontname=Courier fontsize=10 arrowsize=0.9];"
    outside = [box for box in plan.boxes if box.frame is None]
    for frame in plan.frames:
        inside = [box for box in plan.boxes if box.frame == frame.name]
        if inside:
            yield f"subgraph {dot_quoted(f'cluster {frame.name}')} {{"
            filler = "m" * ceil(width(f"{frame.name}  phase", FRAME_PX, bold=True) / _LETTER)
            yield f'graph [label="{filler}" margin=14];'
            yield from map(_box, inside)
            yield "}"
    yield from map(_box, outside)
    for number, link in enumerate(plan.links):
        yield _link(link, number)
    yield "}"


def _box(box: Box) -> str:
    shape = "shape=circle " if box.key.startswith("start ") else ""
    size = f"width={box.width / 72:.4f} height={box.height / 72:.4f}"
    return f"{dot_quoted(box.key)} [{shape}{size}];"


def _link(link: BoxLink, number: int) -> str:
    turn = " constraint=false" if link.turns else ""
    label = ""
    if link.lines:
        line = "m" * ceil((link.label_width + 4) / _LETTER)
        lines = ceil((link.label_height + 2) / _LINE)
        block = "\\n".join([line] * lines)
        label = f' label="{block}"'
    return (
        f"{dot_quoted(link.tail)} -> {dot_quoted(link.head)} [id={number} weight={link.weight}{turn}{label}];"
    )


# --- The answer of Graphviz
# ---------------------------------------------------------------------------


def _read(plan: DiagramPlan, answer: dict[str, Any]) -> Layout:
    left, bottom, right, top = _numbers(answer["bb"])

    def point(text: str) -> Point:
        x, y = _numbers(text)
        return round(x - left, 2), round(top - y, 2)

    boxes: dict[str, Rect] = {}
    frames: dict[str, Rect] = {}
    for item in answer.get("objects", ()):
        if item["name"].startswith("cluster "):
            x1, y1, x2, y2 = _numbers(item["bb"])
            frames[item["name"].removeprefix("cluster ")] = Rect(
                round(x1 - left, 2), round(top - y2, 2), round(x2 - x1, 2), round(y2 - y1, 2)
            )
    places = {item["name"]: point(item["pos"]) for item in answer.get("objects", ()) if "pos" in item}
    for box in plan.boxes:
        x, y = places[box.key]
        boxes[box.key] = Rect(
            round(x - box.width / 2, 2), round(y - box.height / 2, 2), box.width, box.height
        )
    found_ways = {int(item["id"]): _way(item, point) for item in answer.get("edges", ())}
    ways = tuple(found_ways[number] for number in range(len(plan.links)))
    return Layout(round(right - left, 2), round(top - bottom, 2), boxes, frames, ways)


def _way(edge: dict[str, Any], point: Any) -> LinkPath:
    tip: Point | None = None
    curves: list[tuple[Point, ...]] = []
    for spline in edge.get("pos", "").split(";"):
        points: list[Point] = []
        for part in spline.split():
            if part.startswith("e,"):
                tip = point(part[2:])
            elif not part.startswith("s,"):
                points.append(point(part))
        if points:
            curves.append(tuple(points))
    return LinkPath(tuple(curves), tip, point(edge["lp"]) if "lp" in edge else None)


def _numbers(text: str) -> list[float]:
    return [float(number) for number in text.split(",")]
