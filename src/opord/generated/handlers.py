"""Check the handlers that a worker brings before anything runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from opord.contract import Action, Pure
from opord.kernel.program import CallProgram, Program
from opord.values.names import python_names


def handler_names(program: Program) -> dict[str, str]:
    """Return the Python name of each call's handler."""
    return python_names(program.calls)


def check_handlers(program: Program, handlers: object, names: Mapping[str, str] | None = None) -> list[str]:
    """List the handlers that are missing or do not fit.

    Each problem has the handler's name, the signature it needs and its place. `handlers` is an
    object with methods, or a module with functions. `names` are the calls that it has to handle,
    with the names of their handlers: all of them by default. An empty list means that all fit.
    """
    owner = owner_name(handlers)
    problems: list[str] = []
    for name, form in (handler_names(program) if names is None else names).items():
        call = program.calls[name]
        wanted = f"expected `{signature(call, form)}`"
        declared = f"{call.kind} `{name}`{_at(call)}"
        handler = found_handler(handlers, form)
        if handler is None:
            problems.append(f"{owner} has no handler for the {declared}: {wanted}{_home(handlers)}")
            continue
        function = getattr(handlers, form)
        if isinstance(handlers, type) and inspect.isfunction(handler):
            problems.append(f"{owner} is a class: pass an instance of it, {owner}()")
            return problems
        if not callable(function):
            problems.append(
                f"{owner}.{form} is no function but {function!r}; the {declared}: {wanted}{_home(handlers)}"
            )
            continue
        wrong = _misfit(call, function)
        if wrong:
            where = _where(function)
            problems.append(f"{owner}.{form}{where} {wrong}; the {declared}: {wanted}")
    return problems


def found_handler(handlers: object, form: str) -> Any:
    """Return the handler of that name, if there is one that can be called."""
    # Look statically first: an abstract method of a protocol can be found, but counts as
    # missing.
    handler = inspect.getattr_static(handlers, form, None) or getattr(handlers, form, None)
    return None if handler is None or _is_abstract(handler) else handler


def signature(call: CallProgram, form: str) -> str:
    """Write the signature that a handler needs, without types."""
    names = list(_parameters(call).values())
    extra = ["*", "call"] if isinstance(call.declaration, Action) else []
    return f"def {form}({', '.join([*names, *extra])})"


def _parameters(call: CallProgram) -> dict[str, str]:
    return python_names(call.params, {"call", "self"})


def _misfit(call: CallProgram, function: Callable[..., Any]) -> str:
    if isinstance(call.declaration, Pure) and inspect.iscoroutinefunction(function):
        return "is `async def`, but a pure is called on the spot: make it a plain `def`"
    action = call.declaration
    if isinstance(action, Action) and action.transaction and inspect.iscoroutinefunction(function):
        return "is `async def`, but an action in a transaction holds the database: make it a plain `def`"
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return ""  # no signature can be read, so the call itself will show errors
    names = list(_parameters(call).values())
    asks = not isinstance(call.declaration, Pure) and "call" in signature.parameters
    keywords = {"call": None} if asks or isinstance(call.declaration, Action) else {}
    takes = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        and parameter.name != "call"
    ]
    try:
        signature.bind(*names, **keywords)
    except TypeError as error:
        return f"takes `{_shown(signature)}`: {error}"
    named = [parameter.name for parameter in takes if parameter.kind is not parameter.POSITIONAL_ONLY]
    if sorted(named[: len(names)]) == sorted(names) and named[: len(names)] != names:
        return f"takes `{_shown(signature)}`: the order of its parameters differs"
    strange = [
        f"`{name}` where the contract has `{wanted}`"
        for name, wanted in zip(named, names, strict=False)
        if name != wanted and not name.startswith("_")
    ]
    if strange:
        return f"takes `{_shown(signature)}`: {', '.join(strange)}"
    return ""


def _shown(signature: inspect.Signature) -> str:
    return f"({', '.join(signature.parameters)})"


def _is_abstract(handler: object) -> bool:
    return bool(getattr(handler, "__isabstractmethod__", False))


def owner_name(handlers: object) -> str:
    """Return the name of a module or class, or of the class of an object."""
    if inspect.ismodule(handlers) or isinstance(handlers, type):
        return handlers.__name__
    return type(handlers).__name__


def _home(handlers: object) -> str:
    """Say which file the handlers are in, if that can be told."""
    if inspect.ismodule(handlers):
        file = getattr(handlers, "__file__", None)
    else:
        kind = handlers if isinstance(handlers, type) else type(handlers)
        codes = (
            getattr(inspect.unwrap(one), "__code__", None) for one in vars(kind).values() if callable(one)
        )
        file = next((code.co_filename for code in codes if code is not None), None)
    return f" in {file}" if file else ""


def _at(call: CallProgram) -> str:
    place = call.declaration.place
    return f" ({place.file}:{place.line})" if place.line else ""


def _where(function: Callable[..., Any]) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f" ({code.co_filename}:{code.co_firstlineno})" if code is not None else ""
