"""Find the handlers that a command line names, and the program that they were written against."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from opord.cli.contracts import found_in
from opord.cli.errors import CliError

if TYPE_CHECKING:
    from opord.generated import Workflow
    from opord.kernel.program import Program


def handlers_at(where: str) -> Any:
    """Return the handlers at `module`, or `module:Name`; of a class, an instance.

    Raises:
        CliError: there is no such module or name, or it raises.
    """
    module, _, name = where.partition(":")
    target = found_in(module, name, what="handlers")
    if not isinstance(target, type):
        return target
    try:
        return target()
    except Exception as wrong:
        raise CliError(
            "handlers_broken", f"`{where}` cannot be made: {_of_constructor(target, wrong)}"
        ) from wrong


def _of_constructor(constructor: Any, wrong: Exception) -> str:
    """Return why an instance cannot be made, with the line that raised or that wants arguments."""
    import inspect

    from opord.backends.own_code import definition_place, told

    try:
        inspect.signature(constructor).bind()
    except ValueError:
        return told(wrong)
    except TypeError as needs:
        place = definition_place(constructor.__init__)
        return f"the worker calls it without arguments, and {needs}{f' ({place})' if place else ''}"
    return told(wrong)


def ask_for_the_class(program: Program, instance: Any) -> None:
    """Refuse a module that has none of the handlers itself, but a class that has them all.

    Raises:
        CliError: always then; the message names the class.
    """
    if not isinstance(instance, ModuleType) or any(hasattr(instance, call) for call in program.calls):
        return
    for name, value in vars(instance).items():
        own = isinstance(value, type) and value.__module__ == instance.__name__
        if own and program.calls and all(hasattr(value, call) for call in program.calls):
            module = instance.__name__
            message = f"the module `{module}` has no handlers of {program.name} at its top level; did you mean `{module}:{name}`?"
            raise CliError("handlers_invalid", message)


def as_the_handlers_know_it(program: Program, handlers: Any, place: str) -> Program:
    """Return the program with the classes that the handlers were written against.

    Handlers that import a generated module compare values with its enums and match its records. A
    program compiled from the contract's file has classes of its own, so the program of the module
    must run, also if another module of the handlers imports it. `place` is where the contract was
    named.

    Raises:
        CliError: the handlers were written against this version with other content.
    """
    from opord.generated import Workflow
    from opord.loading import program_of

    home = handlers if isinstance(handlers, ModuleType) else sys.modules[type(handlers).__module__]
    modules = {
        value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        for value in vars(home).values()
    }
    loaded = [(cls, cls.binding) for cls in Workflow.__subclasses__() if cls.binding is not None]
    same = [cls for cls, binding in loaded if program.is_named_by(binding.digest)]
    near = [cls for cls in same if cls.__module__ in modules]
    if program.workflow in near:
        return program
    if near:
        return program_of(near[0])
    for cls, _ in loaded:
        if cls.__module__ in modules and cls.__name__ == program.workflow.__name__:
            _refuse_stale(program, home, cls, place)
    others = [cls for cls in same if cls is not program.workflow]
    return program_of(others[0]) if others else program


def _refuse_stale(program: Program, home: ModuleType, cls: type[Workflow], place: str) -> None:
    """Refuse a module of the program's version with other content. Other versions are no fault.

    Raises:
        CliError: always then; the message has the command that mends it.
    """
    from opord.loading import LoadingError, program_of

    try:
        version = program_of(cls).version
    except LoadingError as wrong:
        raise CliError("module_stale", str(wrong)) from wrong
    if version == program.version:
        file = sys.modules[cls.__module__].__file__
        folder = f" -o {Path(file).parent}" if file is not None and Path(file).exists() else ""
        raise CliError(
            "module_stale",
            f"the handlers in `{home.__name__}` use `{cls.__module__}`, which was generated from "
            f"another text of {program.name} version {version}; run `opord gen {place}{folder}` again, or raise the version",
        )
