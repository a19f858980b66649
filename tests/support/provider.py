"""The outside world that actions charge, with a ledger that no crash of an engine touches."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Provider:
    """The outside world with its ledger.

    `script` says in order how it answers the calls of an action. After the script it answers `ok`.
    With `honours_keys` a repeated key is answered from the ledger.

    - `ok`: it took effect;
    - `busy`: a transient failure, no effect;
    - `declined`: a final failure;
    - `lost`: it took effect, and the answer was lost;
    - `broken`: no effect, and nobody can know that;
    - `hang`: it took effect, and the answer never comes.
    """

    script: dict[str, list[str]] = field(default_factory=dict)
    honours_keys: bool = True
    ledger: list[tuple[str, str]] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    _hangs: bool = False

    def took_effect(self, action: str) -> int:
        """Return how often an action took effect."""
        return sum(1 for name, _ in self.ledger if name == action)

    async def act(self, action: str, key: str, failures: Any = None) -> str:
        """Answer one call, or hang."""
        answer = self.answer(action, key, failures)
        if self._hangs:
            await asyncio.sleep(10**6)
        return answer

    def answer(self, action: str, key: str, failures: Any = None) -> str:
        """Answer one call at once."""
        self.calls[action] += 1
        self._hangs = False
        if self.honours_keys and (action, key) in self.ledger:
            return f"{action}:{key}"
        steps = self.script.get(action, [])
        what = steps.pop(0) if steps else "ok"
        if what == "busy":
            raise failures.Busy()
        if what == "declined":
            raise failures.Declined(reason="no funds")
        if what == "broken":
            raise ConnectionError("connection refused after the request was sent")
        self.ledger.append((action, key))
        if what == "lost":
            raise ConnectionError("the answer was lost")
        self._hangs = what == "hang"
        return f"{action}:{key}"
