"""The story of a run in words, for whoever shows it: the command line, the console, a failing test."""

__all__ = [
    "lines",
    "page",
    "signs",
    "words",
]
