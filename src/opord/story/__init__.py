"""The story of a run in words, for the command line, the console and failing tests."""

__all__ = [
    "lines",
    "page",
    "signs",
    "troubles",
    "words",
]
