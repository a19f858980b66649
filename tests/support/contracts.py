"""Contracts compiled from their texts."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any

from opord.generated import Workflow
from opord.loading import load


def compiled(text: str) -> Any:
    """Compile a contract from its text and return its module."""
    folder = Path(tempfile.gettempdir()) / "opord-tests"
    folder.mkdir(exist_ok=True)
    path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.opord"
    if not path.exists():
        fresh = path.with_suffix(f".{id(text)}")
        fresh.write_text(text)
        fresh.replace(path)
    return load(path)


def workflow_of(module: Any) -> Any:
    """Return the contract's class in a module."""
    (found,) = {
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Workflow) and value is not Workflow
    }
    return found


SCORED = """contract C(a: int) key str(a)
pure score(a: int) -> int
effect look(a: int) -> int
initial state A -> Done {
  let seen = perform look(a)
  goto Done(score(a) + seen)
}
final state Done(score: int) success
"""


STUCK = """contract C(a: int)
event pay(cents: int)
# opord: allow waits because it shows a wait that nothing ends
initial state Waiting -> Done { on pay(cents) if cents > 10 and cents < 5 -> goto Done }
final state Done success
"""


CHARGES_WHEN_TOLD = """contract C(a: int) key str(a) version 1
event go
action charge(a: int) -> int { key }
initial state Waiting -> Going { on go -> goto Going }
state Going -> Done {
  let charged = commit charge(a)
  goto Done(charged)
}
final state Done(charged: int) success
"""
