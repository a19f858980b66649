"""The protocol for command line, API and console, the runtimes behind it, and `opord.Engine`."""

__all__ = [
    "archived",
    "asked",
    "base",
    "beside",
    "client",
    "codes",
    "endpoints",
    "front",
    "limits",
    "listing",
    "misuse",
    "moments",
    "opening",
    "own_code",
    "patience",
    "roles",
    "sealed_values",
    "shown",
    "sorting",
    "upkeep",
]
