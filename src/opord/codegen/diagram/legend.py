"""The legend: the meaning of the shapes and signs, only of those in the diagram."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement

from opord.codegen.diagram.layout import Rect
from opord.codegen.diagram.measure import width
from opord.codegen.diagram.picture import Picture, StateSign, Work
from opord.codegen.diagram.shapes import group, rectangle, state_box, state_sign, work_rows, write

_PX, _ROW, _GAP = 12, 32.0, 26.0
_SAMPLE = 40.0


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """One sample with its words."""

    words: str
    sample: Callable[[Element], None]
    room: float = _SAMPLE

    @property
    def width(self) -> float:
        """The width in pixels."""
        return self.room + 8 + (width(self.words, _PX) if self.words else 0)


@dataclass(frozen=True, slots=True)
class Legend:
    """The samples of a diagram, laid out in rows."""

    entries: tuple[LegendEntry, ...]

    @property
    def least(self) -> float:
        """The width at which all samples fit in two rows."""
        return sum(entry.width + _GAP for entry in self.entries) / 2 + 60

    def height(self, room: float) -> float:
        """Return the height of the legend in `room` pixels of width."""
        return len(self._rows(room)) * _ROW

    def draw(self, parent: Element, room: float) -> None:
        """Add the samples, starting at the top left."""
        for index, row in enumerate(self._rows(room)):
            x = 0.0
            for entry in row:
                place = f"translate({x:.2f} {index * _ROW:.2f})"
                element = group(parent, "entry", transform=place)
                entry.sample(element)
                if entry.words:
                    write(element, entry.room + 8, 16, entry.words, "soft")
                x += entry.width + _GAP

    def _rows(self, room: float) -> list[list[LegendEntry]]:
        rows: list[list[LegendEntry]] = [[]]
        used = 0.0
        for entry in self.entries:
            if rows[-1] and used + entry.width > room:
                rows.append([])
                used = 0.0
            rows[-1].append(entry)
            used += entry.width + _GAP
        return rows


def legend_of(picture: Picture) -> Legend:
    """Return the legend with the samples that a picture needs."""
    return Legend(tuple(_entries(picture)))


def _entries(picture: Picture) -> Iterator[LegendEntry]:
    words: dict[StateSign, str] = {
        "acting": "acts at once",
        "waiting": "waits",
        "success": "final: success",
        "failure": "final: failure",
        "cancelled": "final: cancelled",
        "missing": "not declared",
    }
    signs = {node.sign for node in picture.nodes}
    if any(node.initial for node in picture.nodes):
        yield LegendEntry("start", _start, 14)
    for sign, meaning in words.items():
        if sign in signs:
            yield LegendEntry(meaning, _state(sign))
    work = [each for node in picture.nodes for each in node.work]
    work += [each for frame in picture.frames for each in frame.work]
    kinds = {(each.verb, each.transaction) for each in work}
    if ("commit", False) in kinds:
        yield LegendEntry("commits: at most once, or in doubt", _work(Work("commit", "…")), 98)
    if ("commit", True) in kinds:
        yield LegendEntry("in transaction: exactly once", _work(Work("commit", "…", transaction=True)), 98)
    if ("perform", False) in kinds:
        yield LegendEntry("may be repeated", _work(Work("perform", "…")), 98)
    if picture.frames:
        yield LegendEntry("phase", _phase)
    if any(all(cause.kind == "timer" for cause in arrow.causes) for arrow in picture.arrows):
        yield LegendEntry("timer", _timer)


def _start(parent: Element) -> None:
    element = group(parent, "start")
    SubElement(element, "circle", {"class": "dot", "cx": "7", "cy": "12", "r": "6.5"})


def _state(sign: StateSign) -> Callable[[Element], None]:
    def draw(parent: Element) -> None:
        element = group(parent, f"sample {sign}")
        state_box(element, Rect(0, 0, _SAMPLE, 24), sign)
        state_sign(element, _SAMPLE / 2, 12, sign)

    return draw


def _work(work: Work) -> Callable[[Element], None]:
    def draw(parent: Element) -> None:
        work_rows(parent, Rect(-8, 0, 114, 24), 3, (work,))

    return draw


def _phase(parent: Element) -> None:
    rectangle(group(parent, "phase"), Rect(0, 0, _SAMPLE, 24), 6, "box")


def _timer(parent: Element) -> None:
    element = group(parent, "edge timer")
    SubElement(element, "path", {"class": "way", "d": "M0 12H32"})
    SubElement(element, "polygon", {"class": "tip", "points": "40,12 31,8.5 31,15.5"})
