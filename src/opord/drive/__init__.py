"""Carry one run forward and act on it, through a host, on any runtime."""

__all__ = [
    "calls",
    "children",
    "client",
    "errors",
    "flight",
    "frames",
    "held_calls",
    "hooks",
    "purity",
    "reading",
    "relay",
    "starts",
]
