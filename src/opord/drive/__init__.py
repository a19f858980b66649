"""What carries one run on and what acts upon it, against a host, on any runtime."""

__all__ = [
    "calls",
    "client",
    "errors",
    "flight",
    "hooks",
    "purity",
    "reading",
    "starts",
]
