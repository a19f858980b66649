"""Explores a contract without handlers: random outcomes, events, faults and crashes on the real engine in virtual time."""

__all__ = [
    "drive",
    "explore",
    "report",
    "text",
]
