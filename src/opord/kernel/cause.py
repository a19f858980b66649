"""What began a step that does not begin by itself: an event, or a timer."""

from __future__ import annotations

from typing import Any, assert_never

import msgspec

from opord.kernel.records import CauseKind
from opord.values.types import NO_KEY, Key


class Cause(msgspec.Struct, omit_defaults=True, gc=False):
    """The cause of a step under way: a taken event or a fired timer, with the id of its handler.

    An event has its `id`, its `key` and `delivery` if any, and `seq`, its record; older rows do not
    have them.
    """

    kind: CauseKind
    handler: str
    event: str = ""
    args: Any = None
    actor: str = ""
    role: str = ""
    id: str = ""
    key: Key = NO_KEY
    seq: int = 0
    delivery: Key = NO_KEY

    @property
    def label(self) -> str:
        """The cause in a few words, as histories show it."""
        match self.kind:
            case "event":
                return f"event {self.event}"
            case "timer":
                return "timer"
            case _:
                assert_never(self.kind)
