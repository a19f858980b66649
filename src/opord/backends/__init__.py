"""What command line, API and console ask of a runtime, the runtimes that answer, and the front: `opord.Engine`."""

__all__ = [
    "archived",
    "base",
    "codes",
    "front",
    "opening",
    "shown",
    "upkeep",
]
