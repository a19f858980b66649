"""Explores a contract without handlers.

Outcomes, events, faults and crashes are random. The engine is the real one, in virtual time.
"""

__all__ = [
    "drive",
    "explore",
    "pures",
    "report",
    "text",
]
