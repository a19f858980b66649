"""Opord: workflows as checked contracts.

The names below are the whole of the public front. Each is imported when it is first asked for, so that
`import opord` stays cheap for a program that needs only some of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from opord.backends.front import Engine as Engine
    from opord.drive.errors import EngineError as EngineError
    from opord.drive.errors import Refused as Refused
    from opord.generated.handles import Reply as Reply
    from opord.kernel.requests import Call as Call
    from opord.kernel.requests import InDoubt as InDoubt
    from opord.kernel.requests import TimedOut as TimedOut
    from opord.loading.load import load as load
    from opord.values.failure import Failure as Failure
    from opord.values.secret import Secret as Secret

# Where each name lives. The imports above tell type checkers the same; a test compares the two.
_HOMES = {
    "Call": "opord.kernel.requests",
    "Engine": "opord.backends.front",
    "EngineError": "opord.drive.errors",
    "Failure": "opord.values.failure",
    "InDoubt": "opord.kernel.requests",
    "Refused": "opord.drive.errors",
    "Reply": "opord.generated.handles",
    "Secret": "opord.values.secret",
    "TimedOut": "opord.kernel.requests",
    "load": "opord.loading.load",
}

__all__ = [
    "Call",
    "Engine",
    "EngineError",
    "Failure",
    "InDoubt",
    "Refused",
    "Reply",
    "Secret",
    "TimedOut",
    "__version__",
    "load",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its room, and keep it."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'opord' has no attribute {name!r}; it has: {', '.join(__all__)}")
    from importlib import import_module

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
