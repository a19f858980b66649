"""The Python names of a contract's parts, the same for the code generator and for the loader."""

from __future__ import annotations

import posixpath
import re
from typing import Final

from opord.contract import (
    Action,
    Contract,
    Effect,
    Enum,
    EventHandler,
    Failure,
    Field,
    Phase,
    Pure,
    State,
    Timer,
)
from opord.values.names import RESERVED_IN_ENUMS, RESERVED_IN_VARIANTS, python_names

HELPERS: Final = ("Input", "Handlers", "Send", "Run", "Result")
"""Classes inside the contract's class. A state with one of these names gets a `_` at its end."""


def module_name(contract: Contract) -> str:
    """Return the name of the contract's module: `order_fulfilment` for `OrderFulfilment`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", contract.name)
    return words.lower()


class Names:
    """The Python names of one contract."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        # The contract keeps its name. A type with the same name changes.
        types = [*(record.name for record in contract.records), *(union.name for union in unions(contract))]
        self.workflow: str = python_names([contract.name])[contract.name]
        self.types: dict[str, str] = python_names(types, {self.workflow})
        self.states: dict[str, str] = python_names((state.name for state in contract.states), HELPERS)
        self.variants: dict[str, dict[str, str]] = {
            union.name: python_names(
                (variant.name for variant in union.variants),
                RESERVED_IN_ENUMS if is_plain_enum(union) else (),
            )
            for union in unions(contract)
        }
        # A field has the same name in every state, because a phase's handler reads it in any of
        # them.
        self.fields_by_state: dict[str, dict[str, str]] = {
            state.name: self.fields(state.fields) for state in contract.states
        }
        self.state_fields: dict[str, str] = {
            name: form for forms in self.fields_by_state.values() for name, form in forms.items()
        }
        self._functions: dict[tuple[str, ...], str] = {}
        self._taken: set[str] = set()
        self._name_functions()

    @property
    def module_names(self) -> set[str]:
        """The names of all classes that the module defines."""
        parts = {
            f"{self.types[union]}_{one}" for union, forms in self.variants.items() for one in forms.values()
        }
        return {self.workflow, *self.types.values(), *parts}

    def file(self, path: str) -> str:
        """Return a file's path relative to the contract's folder, the same on every machine."""
        return path_from(self.contract.place.file, path)

    def fields(self, fields: tuple[Field, ...]) -> dict[str, str]:
        """Return the attribute of each field."""
        return python_names(field.name for field in fields)

    def variant_fields(self, fields: tuple[Field, ...]) -> dict[str, str]:
        """Return the attribute of each field of a variant."""
        return python_names((field.name for field in fields), RESERVED_IN_VARIANTS)

    def state(self, name: str) -> str:
        """Return how to write the class of a state at module level."""
        return f"{self.workflow}.{self.states[name]}"

    def variant(self, type_: str, variant: str) -> str:
        """Return how to write a variant. The built-in variants have the type `""`."""
        return f"{self.types[type_]}.{self.variants[type_][variant]}" if type_ else variant

    def function(self, *words: str) -> str:
        """Return the name of the function for the part of the contract that these words name."""
        return self._functions[words]

    def _name_functions(self) -> None:
        """Name all functions in one fixed order.

        The number after a repeated name then does not depend on which name is asked for first.
        """
        self._add("initial")
        self._add("key")
        if self.contract.requirements:
            self._add("refusal")
        for event in self.contract.events:
            self._add("key", "of", event.name)
            for number, _ in enumerate(event.excepts, 1):
                self._add(*except_words(event.name, number))
        for action in self.contract.actions:
            self._add("key", "of", action.name)
            self._add("check", action.name)
        owners: tuple[State | Phase, ...] = (*self.contract.states, *self.contract.phases)
        for owner in owners:
            self._add("step", owner.name)
            for handler in owner.handlers:
                self._add("step", handler_id(owner, handler))
                self._add("guard", handler_id(owner, handler))
            for timer in owner.timers:
                self._add("step", timer_id(owner, timer))
                self._add("when", timer_id(owner, timer))

    def _add(self, *words: str) -> None:
        name = base = "_" + "_".join(words).replace(" ", "_")
        number = 2
        while name in self._taken:
            name, number = f"{base}_{number}", number + 1
        self._taken.add(name)
        self._functions[words] = name


def path_from(contract_file: str, path: str) -> str:
    """Return a file's path relative to the folder of a contract."""
    folder = posixpath.dirname(contract_file)
    return posixpath.relpath(path, folder) if folder and path else path


def calls(contract: Contract) -> tuple[Pure | Effect | Action, ...]:
    """List the pures, effects and actions of a contract."""
    return (*contract.pures, *contract.effects, *contract.actions)


def unions(contract: Contract) -> tuple[Enum | Failure, ...]:
    """List the enums and failures of a contract."""
    return (*contract.enums, *contract.failures)


def handler_id(owner: State | Phase, handler: EventHandler) -> str:
    """Return the id of an event handler.

    For example `Review on approve`, and `Review on approve 2` for the second handler of an event.
    """
    same = [one for one in owner.handlers if one.event == handler.event]
    number = next(place for place, one in enumerate(same, 1) if one is handler)
    return f"{owner.name} on {handler.event}" + (f" {number}" if number > 1 else "")


def except_words(event: str, number: int) -> tuple[str, ...]:
    """Return the words for the function of a path after `except`: the first, the second, …."""
    return ("except", *([str(number)] if number > 1 else []), "of", event)


def timer_id(owner: State | Phase, timer: Timer) -> str:
    """Return the id of a timer.

    For example `Review after`, and `Review after 2` for the second timer of its kind.
    """
    same = [one for one in owner.timers if one.kind == timer.kind]
    number = next(place for place, one in enumerate(same, 1) if one is timer)
    return f"{owner.name} {timer.kind}" + (f" {number}" if number > 1 else "")


def is_plain_enum(union: Enum | Failure) -> bool:
    """Say whether an enum becomes an `enum.Enum`, because none of its variants has fields."""
    return isinstance(union, Enum) and not any(variant.fields for variant in union.variants)
