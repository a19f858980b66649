"""Words that findings, stories and sheets share: names in a row, a way through states, and "did you mean"."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import islice

FEW = 20
"""A row of more names is cut: nobody reads more of them in a sentence."""
_STATES_MAX = 40
WAYS_SHOWN_MAX = 50
"""So many findings of a rule show the way through the states that leads to them."""
LABELS_MAX = 10
"""So many other places are worth seeing beside a finding."""


def quoted(names: Iterable[str], last: str = "and") -> str:
    """Write names in a row: "`A`, `B` and `C`"; a very long one ends in "others"."""
    words = [f"`{name}`" for name in islice(names, FEW + 1)]
    if len(words) > FEW:
        words[FEW] = "others"
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def way(states: Iterable[str]) -> str:
    """Write a way through states: "`Charging` → `Charged`"; of a very long one the start and the end."""
    names = [f"`{name}`" for name in states]
    if len(names) > _STATES_MAX:
        names[_STATES_MAX - 1 : -1] = [f"… {len(names) - _STATES_MAX} more …"]
    return " → ".join(names)


def meant(near: str | None, otherwise: str = "") -> str:
    """Word the help for a name that is not there: the near one, or else something other."""
    return f"did you mean `{near}`?" if near else otherwise


def listed(names: Iterable[str], word: str = "and", most: int = 6) -> str:
    """Write names as a list in a sentence: `a`, `b` and `c`; a long one ends with how many more there are."""
    known = names if isinstance(names, Collection) else list(names)
    quoted = [f"`{name}`" for name in islice(known, most)]
    if len(known) > most:
        return f"{', '.join(quoted)} and {len(known) - most} more"
    return (
        quoted[0]
        if len(quoted) == 1
        else f"{', '.join(quoted[:-1])} {word} {quoted[-1]}"
        if quoted
        else "none"
    )
