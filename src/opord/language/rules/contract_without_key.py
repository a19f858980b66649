"""A contract with an action and no `key`: started twice for the same thing, it would act twice."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Contract
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.graph import Graph

CODE = code("OP806", rule="unkeyed", title="a contract with an action and no key")


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find a contract that commits and gives its runs no name by which a second start is known."""
    if contract.actions and contract.key is None:
        yield CODE.at(
            contract.place,
            f"`{contract.name}` has an action and no `key`, so that two starts for one thing are two runs",
            labels=(Label(contract.actions[0].place, "commits something the outside can see"),),
            help=f"add `key <expression>` to the contract, over what tells one run from another{_example(contract)}",
        )


def _example(contract: Contract) -> str:
    return f", perhaps a field of `{contract.params[0].name}`" if contract.params else ""
