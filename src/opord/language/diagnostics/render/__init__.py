"""The ways to show findings: to a person (`human`), to a program (`json`) and to code hosts (`github`, `sarif`)."""

__all__ = [
    "github",
    "human",
    "json",
    "sarif",
]
