"""The language server: what an editor shows about contracts while they are written.

`analysis`, `index` and `workspace` know what a contract says. Each module of `features` answers one
kind of question about it, and does not depend on the wire. `server` and the package `wire` are the
wire.
"""

__all__ = [
    "serve",
]
