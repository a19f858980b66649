"""Real handlers of `pure` calls in an exploration. Answers of the others are drawn."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from opord.generated.handlers import check_handlers, found_handler, handler_names, owner_name, signature
from opord.kernel.program import Program
from opord.language.diagnostics.suggest import nearest


def check_pures(program: Program, handlers: object) -> list[str]:
    """List the handlers of pures that do not fit, or whose name is not quite that of a pure.

    `handlers` may lack some pures, but not all: then it is not what was meant. An empty list means
    that all is well.
    """
    names = _pure_names(program)
    given = {name: form for name, form in names.items() if found_handler(handlers, form) is not None}
    missing = [form for name, form in names.items() if name not in given]
    owner = owner_name(handlers)
    problems = [
        f"`{owner}.{name}` is not a call of {program.name}; did you mean `{near}`?"
        for name in _own_functions(handlers)
        if name not in handler_names(program).values() and (near := nearest(name, missing)) is not None
    ]
    if not given and not problems:
        wanted = ", ".join(f"`{signature(program.calls[name], form)}`" for name, form in names.items())
        problems.append(
            f"{owner} has no `pure` of {program.name}; expected {wanted}"
            if wanted
            else f"{program.name} has no `pure`, so there is nothing to take from {owner}"
        )
    return problems + check_handlers(program, handlers, given)


def pures_of(program: Program, handlers: object) -> dict[str, Callable[..., Any]]:
    """Return the handlers of pures that an object has, by the names of the calls."""
    return {
        name: getattr(handlers, form)
        for name, form in _pure_names(program).items()
        if found_handler(handlers, form) is not None
    }


def _pure_names(program: Program) -> dict[str, str]:
    return {name: form for name, form in handler_names(program).items() if program.calls[name].kind == "pure"}


def _own_functions(handlers: object) -> list[str]:
    """Return the names of the public functions that an object or module defines itself."""
    home = handlers if inspect.ismodule(handlers) else type(handlers)
    module = home.__name__ if inspect.ismodule(home) else home.__module__
    return [
        name
        for name, value in vars(home).items()
        if not name.startswith("_") and inspect.isfunction(value) and value.__module__ == module
    ]
