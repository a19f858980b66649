"""Whole applications on Opord, small enough to read and real enough to run."""

__all__ = [
    "orders",
]
