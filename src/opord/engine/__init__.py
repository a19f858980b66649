"""Workers over a store: claims, leases, group commit, and what else one process needs to carry runs on."""

__all__ = [
    "collector",
    "environment",
    "process",
    "programs",
    "protection",
    "pruning",
    "reaper",
    "restoring",
    "store_writer",
    "worker",
]
