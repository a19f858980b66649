"""A contract and handlers for the tests of the public front."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import opord

DESK = """
contract Desk(order: Order, text: str = "-") key order.id
record Order { id: str, customer: str, total: decimal = 0 }
role boss
event approve(note: str) by boss
action charge(id: str) -> str { in doubt ask }
initial state Asked(cents: int = 0) -> Charging | Gone {
  on approve(note) -> goto Charging
  on cancel(reason) -> goto Gone
}
state Charging -> Paid {
  let receipt = commit charge(order.id)
  goto Paid(receipt)
}
final state Paid(receipt: str) success
final state Gone cancelled
"""


class Handlers:
    """Charges."""

    async def charge(self, id: str, *, call: Any) -> str:
        if id == "lost":
            raise ConnectionError("the answer was lost")
        return f"r-{id}"


def load_desk(folder: Path) -> Any:
    """Load the contract from a file in a folder."""
    (folder / "desk.opord").write_text(DESK)
    return opord.load(folder / "desk.opord").Desk
