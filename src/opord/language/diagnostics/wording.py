"""Write lists of names, ways through states and suggestions for findings, stories and sheets."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import islice

FEW = 20
"""A longer list of names is cut: nobody reads more of them in a sentence."""
_STATES_MAX = 40
WAYS_SHOWN_MAX = 50
"""The number of findings of a rule that show the way through the states."""
LABELS_MAX = 10
"""The number of other places that a finding shows."""


def quoted(names: Iterable[str], last: str = "and") -> str:
    """Write a list of names: "`A`, `B` and `C`"; a very long list ends in "others"."""
    words = [f"`{name}`" for name in islice(names, FEW + 1)]
    if len(words) > FEW:
        words[FEW] = "others"
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def way(states: Iterable[str]) -> str:
    """Write a way through states: "`Charging` → `Charged`"; a very long way has its middle cut."""
    names = [f"`{name}`" for name in states]
    if len(names) > _STATES_MAX:
        names[_STATES_MAX - 1 : -1] = [f"… {len(names) - _STATES_MAX} more …"]
    return " → ".join(names)


def meant(near: str | None, otherwise: str = "") -> str:
    """Write the help for an unknown name: a suggestion of `near`, or else `otherwise`."""
    return f"did you mean `{near}`?" if near else otherwise


def listed(names: Iterable[str], word: str = "and", most: int = 6) -> str:
    """Write a list of names: "`a`, `b` and `c`"; a long list ends with the number of the others."""
    countable = names if isinstance(names, Collection) else list(names)
    quoted = [f"`{name}`" for name in islice(countable, most)]
    if len(countable) > most:
        return f"{', '.join(quoted)} and {len(countable) - most} more"
    return (
        quoted[0]
        if len(quoted) == 1
        else f"{', '.join(quoted[:-1])} {word} {quoted[-1]}"
        if quoted
        else "none"
    )
