"""The protocol for command line, API and console, the runtimes behind it, and `opord.Engine`."""

__all__ = [
    "archived",
    "base",
    "codes",
    "front",
    "opening",
    "shown",
    "upkeep",
]
