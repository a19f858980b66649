"""What the doctor has seen: one thing each, how it is, and the next move."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from opord.backends.opening import Remark

State: TypeAlias = Literal["fine", "note", "warning", "wrong", "unreachable"]
"""`note` is nothing to mend; `wrong` stops something from working, `unreachable` is a store that cannot be used."""


_PASSWORD = re.compile(r"""(://[^/@\s:'"]*):[^\s'"]*@""")
_PARAMETER = re.compile(r"""([?&](?:\w*password|\w*key|\w*token|\w*secret)=)[^&\s'"]*""", re.IGNORECASE)


def hidden(text: str) -> str:
    """Return a text with the passwords of URLs in it replaced: what the doctor says is pasted into reports."""
    return _PARAMETER.sub(r"\1***", _PASSWORD.sub(r"\1:***@", text))


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
            "said": hidden(self.said),
            "next": hidden(self.move),
            "facts": {
                name: hidden(fact) if isinstance(fact, str) else fact for name, fact in self.facts.items()
            },
        }


def as_seen(remark: Remark) -> Seen:
    """Tell what a kind of store says of itself or of a store."""
    return Seen(remark.area, remark.verdict, remark.said, remark.move, dict(remark.facts))
