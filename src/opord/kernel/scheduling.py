"""When and where a run is carried: its priority, and its label.

Neither changes what the run does. They are given at its start, and never change.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final, NamedTuple, TypeAlias

PRIORITY_MOST: Final = 100
"""The highest priority of a run. The lowest is the same below zero."""

LABEL_LONGEST: Final = 64
"""The most characters of a label."""

NO_LABEL: Final = ""
"""The label of a run that has none, as rows have it."""

Labels: TypeAlias = Collection[str]
"""The labels whose runs a worker takes; `NO_LABEL` among them are the runs without one."""

UNLABELLED: Final = (NO_LABEL,)
"""The labels that a worker takes unless it is told others: the runs without a label."""

_LABEL: Final = re.compile(rf"[A-Za-z0-9_.:-]{{1,{LABEL_LONGEST}}}")
_NO_LETTER: Final = re.compile(r"[^A-Za-z0-9_.:-]+")
_SIGNS: Final = "letters, digits, and the signs _ - . :"


class Scheduling(NamedTuple):
    """The priority of a run, higher first, and its label; `NO_LABEL` for none."""

    priority: int = 0
    label: str = NO_LABEL


USUAL: Final = Scheduling()
"""That of a run that says nothing about it."""


def priority_problem(priority: object) -> str:
    """Say what is wrong with a priority; an empty text if nothing is."""
    expected = f"expected a priority from -{PRIORITY_MOST} to {PRIORITY_MOST}, got: "
    if isinstance(priority, bool) or not isinstance(priority, int):
        return f"{expected}{priority!r}, which is no whole number"
    return "" if abs(priority) <= PRIORITY_MOST else f"{expected}{priority}"


def label_problem(label: object) -> str:
    """Say what is wrong with a label, with one near to what was meant; empty if nothing is."""
    if not isinstance(label, str):
        return f"expected a label as a text, got: {label!r}"
    if _LABEL.fullmatch(label):
        return ""
    if not label:
        return "a label has at least one character; leave it out if the run needs none"
    if "," in label:
        return f"expected one label of {_SIGNS}, got: {label!r}, which has a comma; a run has one label"
    if len(label) > LABEL_LONGEST:
        return f"expected a label of at most {LABEL_LONGEST} characters, got {len(label)}: {label[:20]!r}{chr(8230)}"
    near = _NO_LETTER.sub("-", label).strip("-")
    hint = f"; did you mean {near!r}?" if near else ""
    return f"expected a label of {_SIGNS}, got: {label!r}{hint}"


def worker_with_handlers(name: str, version: int, label: str, *, more: str = "") -> str:
    """Return the words after "no", of a worker that would take runs of a version with a label.

    `more` is what else is said of it.
    """
    which = f"worker{f' for the label {label}' if label else ''}{more}"
    return f"{which} has handlers for {name} version {version}"


def served_words(labels: Collection[str]) -> str:
    """Return the labels that a worker takes in words; empty if it takes only runs without one."""
    named = sorted(label for label in labels if label)
    if not named:
        return ""
    words = f"label {', '.join(named)}" if len(named) == 1 else f"labels {', '.join(named)}"
    return f"{words} and runs without" if NO_LABEL in labels else words
