"""What the doctor has seen: one thing each, how it is, and the next move."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

State: TypeAlias = Literal["fine", "note", "warning", "wrong", "unreachable"]
"""`note` is nothing to mend; `wrong` stops something from working, `unreachable` is a store that cannot be used."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that was looked at: its area and what it is like; `move` is one next move where there is one."""

    area: str
    state: State
    said: str
    move: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    def as_data(self) -> dict[str, Any]:
        """Turn it into its JSON object."""
        return {
            "area": self.area,
            "state": self.state,
            "said": self.said,
            "next": self.move,
            "facts": self.facts,
        }
