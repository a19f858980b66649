"""Run workers over a store: claims, leases, group commit, and the other parts of one process."""

__all__ = [
    "collector",
    "crowding",
    "environment",
    "host",
    "need_calls",
    "process",
    "programs",
    "protection",
    "pruning",
    "reaper",
    "restoring",
    "store_writer",
    "transactions",
    "worker",
]
