"""A contract with an action and no `key`: two starts for the same thing would act twice."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Contract, Field, Named, Primitive
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.diagnostics.suppressors import Unread
from opord.language.flow.graph import Graph

CODE = code(
    "OP806",
    rule="unkeyed",
    title="a contract with an action and no key",
    suppressed_by=(Unread("on its line"),),
)


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find a contract that commits and has no key by which a second start is recognised."""
    if contract.actions and contract.key is None:
        yield CODE.at(
            contract.place,
            f"`{contract.name}` has an action and no `key`: two starts for the same thing make two runs",
            labels=(Label(contract.actions[0].place, "commits something the outside can see"),),
            help=f"add `key <expression>` to the contract, made of what tells one run from another{_example(contract)}",
        )


def key_candidates(contract: Contract) -> Iterator[str]:
    """Yield the expressions that can be a key.

    These are each input, or a field of an input called `id` or `…_id`, with a type that a key can
    have.
    """
    records = {record.name: record.fields for record in contract.records}
    for param in contract.params:
        if _makes_a_key(param):
            yield param.name
        elif isinstance(param.type, Named):
            for field in records.get(param.type.name, ()):
                if _makes_a_key(field) and (field.name == "id" or field.name.endswith("_id")):
                    yield f"{param.name}.{field.name}"


def _makes_a_key(field: Field) -> bool:
    return isinstance(field.type, Primitive) and field.type.name in ("str", "int", "uuid")


def _example(contract: Contract) -> str:
    candidate = next(key_candidates(contract), None)
    return f", perhaps `key {candidate}`" if candidate is not None else ""
