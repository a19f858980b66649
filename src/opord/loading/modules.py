"""Load generated text as modules in memory, with the source for tracebacks and debuggers."""

from __future__ import annotations

import linecache
import re
import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

from opord.values import canonical

_PLACE: Final = re.compile(r"  # (\S+:\d+)$")
_lock: Final = threading.Lock()


def compile_module(name: str, text: str) -> ModuleType:
    """Compile generated text to a module; the same text gives the same module."""
    digest = canonical.digest(text)
    qualified = f"opord_loaded_{name}_{digest[:12]}"
    with _lock:
        module = sys.modules.get(qualified)
        if module is not None:
            return module
        file = f"<opord {name}.py {digest[:12]}>"
        # Without a modification time the lines are kept, because there is no file to compare.
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        module = ModuleType(qualified)
        module.__file__ = file
        sys.modules[qualified] = module
        try:
            exec(compile(text, file, "exec"), vars(module))  # noqa: S102 - our own text
        except BaseException:
            del sys.modules[qualified]
            raise
        return module


def places_in(module: ModuleType) -> Callable[[BaseException], str | None]:
    """Return a function that finds the place in the contract of an exception from this module.

    The comment at the end of a generated statement is its place in the contract.
    """
    file = module.__file__

    def place_of(error: BaseException) -> str | None:
        line = None
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == file:
                line = trace.tb_lineno
            trace = trace.tb_next
        return None if line is None or file is None else _place_at(file, line, vars(module))

    return place_of


def _place_at(file: str, line: int, namespace: dict[str, Any]) -> str | None:
    """Return the place at the end of the statement that contains `line`."""
    lines = linecache.getlines(file, namespace)
    for text in lines[line - 1 :]:
        place = _PLACE.search(text.rstrip("\n"))
        if place is not None:
            return place[1]
        if not text.strip():
            return None
    return None
