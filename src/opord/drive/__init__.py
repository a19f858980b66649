"""Carry one run forward and act on it, through a host, on any runtime."""

__all__ = [
    "accepting",
    "calls",
    "children",
    "verbs",
    "errors",
    "flight",
    "frames",
    "held_calls",
    "logged",
    "hooks",
    "host",
    "observed_calls",
    "observing",
    "purity",
    "reading",
    "senders",
    "relay",
    "starts",
    "traces",
]
