"""The story of a run in words, for the command line, the console and failing tests."""

__all__ = [
    "counting",
    "lines",
    "needs",
    "page",
    "troubles",
    "words",
]
