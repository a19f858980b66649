"""The base of a contract's class, and what its module says about where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Binding:
    """Where a contract's class came from.

    `sources` are the texts of the contract by file name, its own file first; `digest` is that of the contract's
    content in the form `form`, `module_digest` that of the module's text up to its sources.
    """

    module: str
    sources: tuple[tuple[str, str], ...]
    digest: str
    form: int
    module_digest: str


class Workflow:
    """A contract; an instance is the contract joined with the handlers of a worker."""

    binding: ClassVar[Binding | None] = None

    def __init__(self, handlers: Any) -> None:
        self.handlers = handlers


def bind(
    workflow: type[Workflow], *, sources: Mapping[str, str], digest: str, module_digest: str, form: int = 0
) -> None:
    """Say where a contract's class came from. Nothing is read or compiled before a program is made of it.

    Modules that say no `form` were made when there was only form 0.
    """
    workflow.binding = Binding(workflow.__module__, tuple(sources.items()), digest, form, module_digest)
