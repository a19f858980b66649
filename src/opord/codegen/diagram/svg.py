"""Draw a placed picture as SVG with real text, stable ids, and a description for screen readers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from opord.codegen.diagram.layout import FRAME_PX, Layout, LinkPath, Rect, lay_out
from opord.codegen.diagram.legend import Legend, legend_of
from opord.codegen.diagram.measure import fold, width
from opord.codegen.diagram.picture import Arrow, PhaseFrame, Picture, StateNode
from opord.codegen.diagram.plan import (
    ANY_STATE,
    ICON,
    INDENT,
    LABEL_PX,
    LABEL_ROW,
    TITLE_PX,
    TITLE_ROW,
    Box,
    BoxLink,
    DiagramPlan,
    plan_of,
)
from opord.codegen.diagram.shapes import (
    group,
    number,
    rectangle,
    state_box,
    state_sign,
    tip_points,
    way_path,
    work_rows,
    write,
)
from opord.codegen.diagram.style import Theme, style_sheet

_MARGIN = 24.0
_DOC_MIN, _DOC_MAX = 420.0, 720.0
_TITLE_PX, _DOC_PX, _DOC_ROW = 19, 13, 18
_DESCRIBED_MAX = 60


def draw(picture: Picture, *, theme: Theme, highlight: Sequence[str], legend: bool, limit_s: float) -> str:
    """Lay out a picture and draw it.

    Raises:
        LayoutMissing, LayoutTooLarge, LayoutFailed: the layout cannot be made.
    """
    plan = plan_of(picture)
    layout = lay_out(plan, limit_s=limit_s)
    return _Drawing(picture, plan, layout, highlight, legend_of(picture) if legend else None).text(theme)


class _Drawing:
    def __init__(
        self, picture: Picture, plan: DiagramPlan, layout: Layout, path: Sequence[str], legend: Legend | None
    ) -> None:
        self.picture, self.plan, self.layout, self.legend = picture, plan, layout, legend
        self.path = list(path)
        self.steps = set(pairwise(path))
        doc_width = min(max(layout.width, _DOC_MIN), _DOC_MAX)
        self.doc = fold(picture.doc, _DOC_PX, doc_width)[:4]
        self.head = 30.0 + _DOC_ROW * len(self.doc) + 14
        head_width = max(
            width(picture.title, _TITLE_PX, bold=True) + 8,
            *(width(line, _DOC_PX) for line in self.doc),
            0,
        )
        self.inner = max(layout.width, head_width, min(legend.least, 900) if legend else 0)
        self.foot = legend.height(self.inner) + 26 if legend else 0.0
        self.width = self.inner + 2 * _MARGIN
        self.height = self.head + layout.height + self.foot + 2 * _MARGIN
        self.frames = {frame.name: frame for frame in picture.frames}
        self.nodes = {node.name: node for node in picture.nodes}

    def text(self, theme: Theme) -> str:
        traced = " traced" if self.path else ""
        name = self.picture.name
        root = Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "width": number(self.width),
                "height": number(self.height),
                "viewBox": f"0 0 {number(self.width)} {number(self.height)}",
                "role": "img",
                "class": f"opord-diagram{traced}",
                "data-contract": name,
                "data-version": str(self.picture.version),
            },
        )
        SubElement(root, "title").text = self.picture.title
        SubElement(root, "desc").text = _described(self.picture)
        SubElement(root, "style").text = style_sheet(theme)
        SubElement(root, "rect", {"class": "ground", "width": "100%", "height": "100%"})
        self._head(root)
        left = _MARGIN + (self.inner - self.layout.width) / 2
        graph = group(root, "graph", transform=f"translate({number(left)} {number(_MARGIN + self.head)})")
        for frame in self.picture.frames:
            if frame.name in self.layout.frames:
                self._frame(graph, frame, self.layout.frames[frame.name])
        ways = list(zip(self.plan.links, self.layout.ways, strict=True))
        for link, way in ways:
            self._edge(graph, link, way)
        for box in self.plan.boxes:
            self._box(graph, box, self.layout.boxes[box.key])
        for link, way in ways:
            self._label(graph, link, way)
        for frame in self.picture.frames:
            if frame.name in self.layout.frames:
                self._frame_name(graph, frame, self.layout.frames[frame.name])
        if self.legend is not None:
            top = _MARGIN + self.head + self.layout.height + 26
            place = f"translate({number(_MARGIN)} {number(top)})"
            self.legend.draw(group(root, "legend", transform=place), self.inner)
        indent(root, " ")
        return tostring(root, encoding="unicode", short_empty_elements=True) + "\n"

    def _head(self, root: Element) -> None:
        head = group(root, "head")
        title = write(head, _MARGIN, _MARGIN + 16, self.picture.name or "A contract", "title")
        version = {"class": "version soft", "dx": "9"}
        SubElement(title, "tspan", version).text = f"version {self.picture.version}"
        for index, line in enumerate(self.doc):
            write(head, _MARGIN, _MARGIN + 40 + index * _DOC_ROW, line, "doc soft")

    # --- Phases and states ---

    def _frame(self, graph: Element, frame: PhaseFrame, rect: Rect) -> None:
        attributes = {"id": f"phase-{frame.name}", "data-phase": frame.name, "data-line": str(frame.line)}
        element = group(graph, "phase", **attributes)
        _tooltip(element, [f"phase {frame.name}", *frame.notes])
        rectangle(element, rect, 8, "box")

    def _frame_name(self, graph: Element, frame: PhaseFrame, rect: Rect) -> None:
        """Write a phase's name above the arrows that enter beside it."""
        element = group(graph, "label framed phase-name", **{"data-phase": frame.name})
        write(element, rect.x + 12, rect.y + 19, frame.name, "name soft")
        end = rect.x + 12 + width(frame.name, FRAME_PX, bold=True) + 6
        write(element, end, rect.y + 19, "phase", "kind soft")

    def _box(self, graph: Element, box: Box, rect: Rect) -> None:
        if box.of_frame is not None:
            self._any_state(graph, box.of_frame, rect)
        elif box.key.startswith("start "):
            element = group(graph, "start")
            x, y = rect.x + rect.width / 2, rect.y + rect.height / 2
            SubElement(element, "circle", {"class": "dot", "cx": number(x), "cy": number(y), "r": "6.5"})
        elif box.node is not None:
            self._state(graph, box.node, box.key, rect)

    def _any_state(self, graph: Element, frame: PhaseFrame, rect: Rect) -> None:
        element = group(graph, "any", id=f"any-{frame.name}", **{"data-phase": frame.name})
        _tooltip(element, [f"any state of {frame.name}", *(work.text for work in frame.work)])
        rectangle(element, rect, 11, "box")
        write(element, rect.x + rect.width / 2, rect.y + 16, ANY_STATE, "name soft", "middle")
        work_rows(element, rect, rect.y + 25, frame.work)

    def _state(self, graph: Element, node: StateNode, key: str, rect: Rect) -> None:
        lit = node.name in self.path
        here = bool(self.path) and self.path[-1] == node.name
        classes = ["state", node.kind, *([node.sign] if node.kind == "final" else [])]
        classes += ["initial"] * node.initial + ["lit"] * lit + ["here"] * here
        attributes = {"id": f"state-{key.replace(' ', '-')}", "data-state": node.name}
        if node.phase is not None:
            attributes["data-phase"] = node.phase
        attributes["data-line"] = str(node.line)
        element = group(graph, " ".join(classes), **attributes)
        _tooltip(element, _node_lines(node))
        if here:
            around = Rect(rect.x - 5, rect.y - 5, rect.width + 10, rect.height + 10)
            rectangle(element, around, around.height / 2 if node.kind == "final" else 8, "halo")
        state_box(element, rect, node.sign, initial=node.initial)
        wide = ICON + 6 + width(node.name, TITLE_PX, bold=True)
        left = rect.x + (rect.width - wide) / 2
        middle = rect.y + (rect.height if not node.work else TITLE_ROW + 2) / 2
        state_sign(element, left + ICON / 2, middle, node.sign)
        write(element, left + ICON + 6, middle + 4.6, node.name, "name")
        work_rows(element, rect, rect.y + TITLE_ROW + 2, node.work)

    # --- Moves ---

    def _edge(self, graph: Element, link: BoxLink, way: LinkPath) -> None:
        arrow = link.arrow
        if arrow is None:
            element = group(graph, "edge entry")
        else:
            attributes = {"id": arrow.id, **self._ends(arrow), "data-line": str(arrow.line)}
            element = group(graph, f"edge {self._edge_classes(arrow)}".strip(), **attributes)
            _tooltip(element, _causes(arrow))
        SubElement(element, "path", {"class": "way", "d": way_path(way)})
        if points := tip_points(way):
            SubElement(element, "polygon", {"class": "tip", "points": points})

    def _label(self, graph: Element, link: BoxLink, way: LinkPath) -> None:
        if link.arrow is None or way.label is None:
            return
        arrow = link.arrow
        x, y = way.label
        classes = "label framed" if self._in_a_frame(x, y) else "label"
        element = group(graph, f"{classes}{' lit' * self._is_lit(arrow)}", **self._ends(arrow))
        _tooltip(element, _causes(arrow))
        left = x - link.label_width / 2
        top = y - link.label_height / 2
        for index, line in enumerate(link.lines):
            indented = width(INDENT, LABEL_PX) if line.startswith(INDENT) else 0
            write(element, left + indented, top + index * LABEL_ROW + LABEL_PX, line.strip())

    def _ends(self, arrow: Arrow) -> dict[str, str]:
        ends = {"data-from": arrow.source, "data-to": arrow.target}
        return ends | ({"data-states": " ".join(arrow.states)} if arrow.of_phase else {})

    def _edge_classes(self, arrow: Arrow) -> str:
        goal = self.nodes[arrow.target].sign
        kinds = {cause.kind for cause in arrow.causes}
        classes = ["timer"] * (kinds == {"timer"}) + ["shared"] * arrow.of_phase
        classes += [f"to-{goal}"] if goal in ("failure", "cancelled") else []
        return " ".join([*classes, *["lit"] * self._is_lit(arrow)])

    def _is_lit(self, arrow: Arrow) -> bool:
        return any((state, arrow.target) in self.steps for state in arrow.states)

    def _in_a_frame(self, x: float, y: float) -> bool:
        return any(
            rect.x <= x <= rect.x + rect.width and rect.y <= y <= rect.y + rect.height
            for rect in self.layout.frames.values()
        )


# --- Titles and descriptions
# --------------------------------------------------------------------------


def _tooltip(parent: Element, lines: Collection[str]) -> None:
    SubElement(parent, "title").text = "\n".join(lines)


def _node_lines(node: StateNode) -> list[str]:
    kind = f"final, {node.sign}" if node.kind == "final" else node.kind
    first = "initial, " if node.initial else ""
    return [f"{node.name}: {first}{kind}", *node.notes, *(work.text for work in node.work)]


def _causes(arrow: Arrow) -> list[str]:
    source = f"any state of {arrow.source}" if arrow.of_phase else arrow.source
    return [f"{source} to {arrow.target}", *dict.fromkeys(cause.full for cause in arrow.causes)]


def _described(picture: Picture) -> str:
    """Describe a diagram in sentences: how it starts, what leads where, how it ends."""
    return " ".join(_sentences(picture))


def _sentences(picture: Picture) -> Iterator[str]:
    if picture.doc:
        yield picture.doc if picture.doc.endswith(".") else f"{picture.doc}."
    yield f"{len(picture.nodes)} states, {len(picture.arrows)} arrows."
    for node in picture.nodes:
        if node.initial:
            yield f"It starts in {node.name}."
    for arrow in picture.arrows[:_DESCRIBED_MAX]:
        source = f"Any state of {arrow.source}" if arrow.of_phase else arrow.source
        yield f"{source} to {arrow.target}: {'; '.join(arrow.lines())}."
    if len(picture.arrows) > _DESCRIBED_MAX:
        yield f"{len(picture.arrows) - _DESCRIBED_MAX} arrows more."
    for node in picture.nodes:
        if node.kind == "final":
            yield f"{node.name} is final: {node.sign}."
