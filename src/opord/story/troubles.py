"""A mistake of a handler in words: the lines of code that it came through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opord.values.visible import safe

OWN_FRAMES = 2
"""How many lines of the user's own code are shown by default."""


def frame_lines(trouble: Mapping[str, Any] | None, *, every: bool) -> Iterator[str]:
    """Write the lines of code that a mistake came through, the last one nearest to it.

    Without `every`, only the last lines of the user's own code; with it, all that are on record,
    those of other code in brackets, and those of the exceptions that led to this one.
    """
    if trouble is None:
        return
    if not every:
        own = [one for one in _origin(trouble)["frames"] if one["own"]]
        for one in own[-OWN_FRAMES:]:
            yield from _frame(one)
        return
    for one in trouble["frames"]:
        yield from _frame(one)
    for cause in trouble.get("causes", ()):
        yield f"{_LED[cause['how']]} {safe(cause['type'])}: {safe(cause['message'])}"
        for one in cause["frames"]:
            yield from _frame(one)


_LED = {"cause": "from", "context": "while handling", "member": "with"}


def _origin(trouble: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the exception that has own code; of a group that is a member, if one has."""
    causes = trouble.get("causes", ())
    members = [one for one in causes if one["how"] == "member"]
    parts = (*members, trouble, *causes)
    return next((part for part in parts if any(one["own"] for one in part["frames"])), trouble)


def _frame(one: Mapping[str, Any]) -> Iterator[str]:
    function = f" in {one['function']}" if one["function"] else ""
    place = f"{one['file']}:{one['line']}{function}"
    yield safe(place if one["own"] else f"[{place}]")
    if one["code"]:
        yield safe(f"  {one['code']}")


def traceback_end(text: str, *, frames: int = 2) -> list[str]:
    """Return the last frames of a traceback, nearest to the fault.

    Stalls of older versions have no other form.
    """
    lines = [line for line in text.rstrip("\n").split("\n")[:-1] if not set(line) <= set(" ^~")]
    starts = [index for index, line in enumerate(lines) if line.startswith("  File ")]
    if not starts:
        return []
    return [safe(line) for line in lines[starts[-frames:][0] :]]
