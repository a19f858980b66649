"""The base of a contract's class, and the origin of its module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from opord.values.constructors import told_in_words


@dataclass(frozen=True, slots=True)
class Binding:
    """The origin of a contract's class.

    `sources` has the texts of the contract by file name, its own file first. `digest` is the digest
    of the contract's content in the form `form`. `module_digest` is the digest of the module's text
    up to its sources.
    """

    module: str
    sources: tuple[tuple[str, str], ...]
    digest: str
    form: int
    module_digest: str


class Workflow:
    """A contract. An instance is the contract with the handlers of a worker."""

    binding: ClassVar[Binding | None] = None

    def __init_subclass__(cls, **named: Any) -> None:
        """Let the constructor of a contract tell in words what is wrong with its arguments."""
        super().__init_subclass__(**named)
        if "__init__" in vars(cls):
            example = (
                f"{cls.__name__}(Handlers()) to carry out its runs, or give the class {cls.__name__} itself "
                "to start runs and send events"
            )
            setattr(cls, "__init__", told_in_words(example)(cls.__init__))  # noqa: B010 - mypy refuses the plain form

    def __init__(self, handlers: Any) -> None:
        self.handlers = handlers


def bind(
    workflow: type[Workflow], *, sources: Mapping[str, str], digest: str, module_digest: str, form: int = 0
) -> None:
    """Record the origin of a contract's class.

    Nothing is read or compiled until a program is made of the class. Modules without a `form` were
    made when form 0 was the only form.
    """
    workflow.binding = Binding(workflow.__module__, tuple(sources.items()), digest, form, module_digest)
