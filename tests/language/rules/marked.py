"""Contracts with comments that mark where a finding belongs: the harness for tables of cases.

    state Waiting -> Done | Gone {     #! OP304
      on paid -> goto Done
    }

The cases are short. The calls and events that they use are declared below them, so that no line
moves. Every error must be marked, and every mark must have its finding. Warnings count only in
cases about them.
"""

from __future__ import annotations

import re

from opord.language.compile import check_text

BOUNDARY = """
failure Trouble { Refused(why: str) settles, Busy transient }
enum Colour { Red, Green(shade: int) }
role boss
event go
event say(text: str) by boss
event flag(on: bool)
pure think(x: int) -> int
effect ask(id: str) -> str?
effect look(id: str) -> str fails Trouble { timeout 1s, retry 2 times }
effect peek(id: str) -> bool
action act(id: str) -> str fails Trouble { key id }
action bare(id: str) fails Trouble { in doubt ask }
action told(id: str) fails Trouble { in doubt report }
action nudge(id: str) { repeatable, in doubt skip }
action skipped(id: str) { in doubt skip }
action undo(id: str) undoes act { key id }
"""

HEADER = "contract Case(id: str, n: int = 0, colour: Colour = Colour.Red) key id\n"


def found(text: str, *, warnings: bool = False, boundary: bool = True) -> list[str]:
    """Return the findings of a case as `code@line`, in order."""
    whole = text + BOUNDARY if boundary else text
    result = check_text(whole if "contract " in whole else whole + HEADER)
    kept = [each for each in result.diagnostics if each.severity == "error" or warnings]
    return [f"{each.code.id}@{each.place.line}" for each in kept if each.rule not in ("ensure", "unused")]


def marks(text: str) -> list[str]:
    """Return the findings that a case marks."""
    return [
        f"{code}@{number}"
        for number, line in enumerate(text.split("\n"), 1)
        for code in re.findall(r"OP\d\d\d", line.partition("#!")[2])
    ]


def assert_as_marked(text: str, *, warnings: bool = False, boundary: bool = True) -> None:
    """Check a case, and compare its findings with its marks."""
    assert sorted(found(text, warnings=warnings, boundary=boundary)) == sorted(marks(text))
