"""Tools for tests: virtual time, fake handlers, crashes at every point, and store suites.

The names below are for users. Each is imported when it is first used, so that pytest starts no
slower with the plugin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opord.testing.canary import SecretRevealed as SecretRevealed
    from opord.testing.everywhere import crash_everywhere as crash_everywhere
    from opord.testing.fakes import Fake as Fake
    from opord.testing.fakes import Fakes as Fakes
    from opord.testing.fakes import Made as Made
    from opord.testing.fakes import Unscripted as Unscripted
    from opord.testing.run import Run as Run
    from opord.testing.script import ScriptError as ScriptError
    from opord.testing.world import StillMoving as StillMoving
    from opord.testing.world import World as World

_HOMES = {
    "Fake": "fakes",
    "Fakes": "fakes",
    "Made": "fakes",
    "Run": "run",
    "ScriptError": "script",
    "SecretRevealed": "canary",
    "StillMoving": "world",
    "Unscripted": "fakes",
    "World": "world",
    "crash_everywhere": "everywhere",
}

__all__ = [
    "Fake",
    "Fakes",
    "Made",
    "Run",
    "ScriptError",
    "SecretRevealed",
    "StillMoving",
    "Unscripted",
    "World",
    "clock",
    "crash_everywhere",
    "crashing",
    "plausible",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module, and keep it."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'opord.testing' has no attribute {name!r}; it has: {', '.join(_HOMES)}")
    from importlib import import_module

    value = getattr(import_module(f"opord.testing.{home}"), name)
    globals()[name] = value
    return value
