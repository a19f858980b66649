"""Carry one run forward and act on it, through a host, on any runtime."""

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
