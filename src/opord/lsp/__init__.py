"""The language server: what an editor shows of contracts while they are written.

`analysis`, `index` and `workspace` know what a contract says; each module of `features` answers one kind of
question about it, and knows nothing of the wire; `server` and what stands beside it in `wire` are the wire.
"""

__all__ = [
    "serve",
]
