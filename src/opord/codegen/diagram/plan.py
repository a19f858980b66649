"""What must be placed: boxes with their sizes, links between them, and frames around them.

A final state with many sources would pull the whole diagram together. It has no way out, so it can
be drawn several times, once near each few of its sources. All its copies are the same state.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from dataclasses import dataclass

from opord.codegen.diagram.measure import width
from opord.codegen.diagram.picture import Arrow, PhaseFrame, Picture, StateNode

TITLE_PX, WORK_PX, LABEL_PX = 13, 11, 11
TITLE_ROW, WORK_ROW, LABEL_ROW = 32, 21, 14
ICON = 14
PADDING = 12
ANY_STATE = "any state"
INDENT = "   "

# In a diagram with more states than this, a final state with more arrows into it, or from more
# phases, is drawn in copies.
_STATES_MAX, _SOURCES_MAX, _GROUPS_MAX = 12, 3, 2
_SOURCES_OF_A_COPY = 4
_LABEL_MAX = 36  # letters in one line beside an arrow


@dataclass(frozen=True, slots=True)
class Box:
    """A thing with a place: a state or its copy, the sign of a phase's shared moves, or a start."""

    key: str
    width: float
    height: float
    frame: str | None
    node: StateNode | None = None
    of_frame: PhaseFrame | None = None


@dataclass(frozen=True, slots=True)
class BoxLink:
    """An arrow between two boxes, with the lines of text beside it.

    A higher `weight` makes it shorter and straighter. A link that `turns` leads from one column to
    another, so its head need not be below its tail.
    """

    tail: str
    head: str
    weight: int
    arrow: Arrow | None = None
    lines: tuple[str, ...] = ()
    turns: bool = False

    @property
    def label_width(self) -> float:
        """The width of the lines in pixels."""
        return max((width(line, LABEL_PX) for line in self.lines), default=0)

    @property
    def label_height(self) -> float:
        """The height of the lines in pixels."""
        return LABEL_ROW * len(self.lines)


@dataclass(frozen=True, slots=True)
class DiagramPlan:
    """Everything that must be placed, in the order of the contract."""

    boxes: tuple[Box, ...]
    links: tuple[BoxLink, ...]
    frames: tuple[PhaseFrame, ...]


def plan_of(picture: Picture) -> DiagramPlan:
    """Return the boxes and links of a picture, with their sizes."""
    goals, copies = _copies(picture)
    outcomes = {node.name: node for node in picture.nodes}
    boxes: list[Box] = []
    links: list[BoxLink] = []
    for frame in picture.frames:
        if frame.shares and frame.states:
            boxes.append(_box_of_frame(frame))
    for node in picture.nodes:
        boxes += [_box(node, key) for key in copies[node.name]]
        if node.initial:
            boxes.append(Box(f"start {node.name}", ICON, ICON, node.phase, node))
            links.append(BoxLink(f"start {node.name}", node.name, 8))
    for arrow in picture.arrows:
        lines = tuple(part for line in arrow.lines() for part in _parts(line))
        goal = outcomes[arrow.target]
        weight = 1 if goal.sign in ("failure", "cancelled", "missing") or arrow.of_phase else 3
        tail = f"phase {arrow.source}" if arrow.of_phase else arrow.source
        links.append(BoxLink(tail, goals[arrow.source, arrow.target], weight, arrow, lines))
    return DiagramPlan(tuple(boxes), tuple(links), picture.frames)


def in_columns(plan: DiagramPlan, columns: int) -> DiagramPlan:
    """Arrange the states in columns side by side, in the order of the file.

    A phase stays in one column. A final state goes to the column of the first state that leads to
    it.
    """
    units: dict[str, list[str]] = {}
    for box in plan.boxes:
        if box.node is not None and box.node.kind in ("acting", "waiting") and box.key == box.node.name:
            units.setdefault(box.frame or box.key, []).append(box.key)
    whole = sum(map(len, units.values()))
    column: dict[str, int] = {}
    drawn = 0
    for unit, members in units.items():
        place = min(columns - 1, int((drawn + len(members) / 2) * columns / max(whole, 1)))
        drawn += len(members)
        column |= dict.fromkeys([*members, f"phase {unit}"], place)
    links = []
    for link in plan.links:
        tail = column.get(link.tail, 0)
        head = column.setdefault(link.head, tail)
        links.append(dataclasses.replace(link, turns=tail != head))
    return dataclasses.replace(plan, links=tuple(links))


def _parts(line: str) -> list[str]:
    """Break a long cause where a condition begins; later parts are indented."""
    lines: list[str] = []
    for part in re.split(r"(?<=, )|(?<=.) (?=if )", line):
        if lines and len(lines[-1]) + 1 + len(part) <= _LABEL_MAX:
            lines[-1] = f"{lines[-1].rstrip()} {part}"
        else:
            lines.append(f"{INDENT if lines else ''}{part}")
    return [each.rstrip() for each in lines]


# --- Copies of final states -----------------------------------------------------------------------


def _copies(picture: Picture) -> tuple[dict[tuple[str, str], str], dict[str, list[str]]]:
    """Return which box each arrow leads to, and the keys under which each state is drawn."""
    phases = {node.name: node.phase for node in picture.nodes}

    def group_of(arrow: Arrow) -> str | None:
        return arrow.source if arrow.of_phase else phases[arrow.source]

    incoming = Counter(arrow.target for arrow in picture.arrows)
    groups = Counter(goal for goal, _ in {(arrow.target, group_of(arrow)) for arrow in picture.arrows})
    many = {
        node.name
        for node in picture.nodes
        if node.kind in ("final", "missing")
        and len(picture.nodes) > _STATES_MAX
        and (incoming[node.name] > _SOURCES_MAX or groups[node.name] > _GROUPS_MAX)
    }
    goals: dict[tuple[str, str], str] = {}
    copies: dict[str, list[str]] = {node.name: [node.name] for node in picture.nodes}
    room: dict[tuple[str, str | None], int] = {}
    latest: dict[tuple[str, str | None], str] = {}
    used: Counter[str] = Counter()
    for arrow in picture.arrows:
        goal = arrow.target
        if goal not in many:
            goals[arrow.source, goal] = goal
            continue
        group = goal, group_of(arrow)
        if not room.get(group):
            used[goal] += 1
            latest[group] = goal if used[goal] == 1 else f"{goal} {used[goal]}"
            room[group] = _SOURCES_OF_A_COPY
            if used[goal] > 1:
                copies[goal].append(latest[group])
        room[group] -= 1
        goals[arrow.source, goal] = latest[group]
    return goals, copies


# --- Sizes ----------------------------------------------------------------------------------------


def _box(node: StateNode, key: str) -> Box:
    title = width(node.name, TITLE_PX, bold=True) + ICON + 6
    if node.kind in ("final", "missing"):
        return Box(key, _even(title + 2 * PADDING + 10), TITLE_ROW + 4, None, node)
    rows = [width(work.text, WORK_PX, mono=True) + 30 for work in node.work]
    wide = max([title, *rows, 70]) + 2 * PADDING
    tall = TITLE_ROW + 2 + (len(rows) * WORK_ROW + 6 if rows else 2)
    return Box(key, _even(wide), _even(tall), node.phase, node)


def _box_of_frame(frame: PhaseFrame) -> Box:
    rows = [width(work.text, WORK_PX, mono=True) + 30 for work in frame.work]
    wide = max([width(ANY_STATE, LABEL_PX, bold=True) + 4, *rows]) + 2 * PADDING
    tall = 24 + (len(rows) * WORK_ROW + 6 if rows else 0)
    return Box(f"phase {frame.name}", _even(wide), _even(tall), frame.name, of_frame=frame)


def _even(size: float) -> int:
    return 2 * round(size / 2 + 0.5)
