"""Webhooks that Opord sends: what happens to runs is told to other programs over HTTP.

A store's outbox has the messages (`stores/outbox.py`). `sender.py` takes them out in order,
`content.py` says what is in one, `signing.py` signs it, `posting.py` sends it to an address that
`reach.py` allows, and `schedule.py` says when it is tried again.
"""

from __future__ import annotations

__all__ = ["content", "posting", "reach", "schedule", "sender", "signing", "target"]
