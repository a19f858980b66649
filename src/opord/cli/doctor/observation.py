"""The results of the doctor: one checked thing each, with its state and the next step."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from opord.backends.opening import Remark

CheckState: TypeAlias = Literal["fine", "note", "warning", "wrong", "unreachable"]
"""The state of a checked thing.

- `note`: nothing to mend;
- `wrong`: something cannot work;
- `unreachable`: the store cannot be used.
"""


_PASSWORD = re.compile(r"""(://[^/@\s:'"]*):[^\s'"]*@""")
_PARAMETER = re.compile(r"""([?&](?:\w*password|\w*key|\w*token|\w*secret)=)[^&\s'"]*""", re.IGNORECASE)


def hidden(text: str) -> str:
    """Return a text with the passwords in URLs replaced.

    People paste the doctor's output into reports.
    """
    return _PARAMETER.sub(r"\1***", _PASSWORD.sub(r"\1:***@", text))


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing that was checked: its area and its state.

    `move` is the next step, if there is one.
    """

    area: str
    state: CheckState
    text: str
    move: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    def as_data(self) -> dict[str, Any]:
        """Convert to a JSON object."""
        return {
            "area": self.area,
            "state": self.state,
            "said": hidden(self.text),
            "next": hidden(self.move),
            "facts": {
                name: hidden(fact) if isinstance(fact, str) else fact for name, fact in self.facts.items()
            },
        }


def as_observation(remark: Remark) -> Observation:
    """Convert a store's remark about itself or its kind."""
    return Observation(remark.area, remark.verdict, remark.text, remark.move, dict(remark.facts))
