"""Give a contract with an unknown member to all readers of contracts, and print their answers.

This runs on a copy of the package in which each of these unions has a throw-away member. `refused`
is the answer of code that fails closed. `accepted` is the answer of code that ignored the member or
never reads it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import opord.contract as ir
from opord.codegen import generate
from opord.codegen.diagram import to_dot, to_mermaid
from opord.language.compile import check_lowered, lower_source
from opord.language.ensure import decide
from opord.language.fixes.checked_file import CheckedFile
from opord.language.flow.graph import Graph
from opord.language.rules import RULES
from opord.language.sheet import explain_sheet
from opord.language.syntax.source import Source
from opord.simulate.targets import transitions_of
from tests.closed.growth import Union

STATEMENT = Union("contract/statements.py", "Statement", "site: CallSite; body: Block; place: Place")
PATTERN = Union("contract/patterns.py", "Pattern", "place: Place")
DOUBT = Union("contract/calls.py", "Doubt", "place: Place")
UNIONS = (STATEMENT, PATTERN, DOUBT)

TEXT = """\
contract Sale(id: str) key id
failure CardError { Declined }
effect look(id: str) -> int fails CardError
action charge(id: str) -> str fails CardError { key id, in doubt report }

initial state Looking -> Charging | Refused {
  let found = perform look(id) else { Declined -> goto Refused }
  if found > 1 {
    goto Refused
  }
  goto Charging
}
state Charging -> Charged | Refused | Unclear {
  match commit charge(id) {
    ok receipt -> goto Charged(receipt: receipt)
    Declined -> goto Refused
    InDoubt -> goto Unclear
  }
}
final state Charged(receipt: str) success
final state Refused failure
final state Unclear failure

ensure charge at most once
ensure every run ends
"""


def with_statement(contract: ir.Contract) -> ir.Contract:
    """Add an unknown statement at the start of `Charging`: it charges once more and goes back."""
    charged = _match(contract).subject
    again = STATEMENT.make(charged, (ir.Goto("Charging", ()),), charged.place)
    return _with_body(contract, (again, _match(contract)))


def with_pattern(contract: ir.Contract) -> ir.Contract:
    """Replace the pattern of the last arm by an unknown one."""
    match = _match(contract)
    arm = match.arms[-1]
    unknown = PATTERN.make(arm.place)
    arms = (*match.arms[:-1], dataclasses.replace(arm, pattern=unknown))
    return _with_body(contract, (dataclasses.replace(match, arms=arms),))


def with_doubt(contract: ir.Contract) -> ir.Contract:
    """Replace the rule for doubts of `charge` by an unknown one."""
    unknown = DOUBT.make(contract.actions[0].place)
    return dataclasses.replace(contract, actions=(dataclasses.replace(contract.actions[0], doubt=unknown),))


def _match(contract: ir.Contract) -> ir.Match:
    found = contract.state("Charging").body[0]
    assert isinstance(found, ir.Match)
    return found


def _with_body(contract: ir.Contract, body: tuple[Any, ...]) -> ir.Contract:
    states = tuple(
        dataclasses.replace(state, body=body) if state.name == "Charging" else state
        for state in contract.states
    )
    return dataclasses.replace(contract, states=states)


def answers(contract: ir.Contract) -> dict[str, str]:
    """Return for each reader of contracts whether it refuses this contract."""
    return {name: answer(reader) for name, reader in readers_of(TEXT, contract).items()}


def readers_of(text: str, contract: ir.Contract) -> dict[str, Callable[[], object]]:
    """Return all readers of a contract.

    `text` is the text of the contract without the unknown member.
    """
    source = Source("sale.opord", text)
    lowered = dataclasses.replace(lower_source(source), model=contract)
    readers: dict[str, Callable[[], object]] = {
        "check": lambda: check_lowered(lowered),
        "promises": lambda: decide(contract),
        "sheet": lambda: explain_sheet(contract),
        "dot": lambda: to_dot(contract),
        "mermaid": lambda: to_mermaid(contract),
        "module": lambda: generate(contract, (("sale.opord", text),)),
        "simulation": lambda: transitions_of(contract, {"sale.opord": text}),
        "mends": lambda: CheckedFile(source, lowered.file, contract).statements,
    }
    for rule in RULES:
        name = f"rule {rule.__module__.rpartition('.')[2]}"
        readers[name] = lambda rule=rule: list(rule(contract, Graph(contract)))  # type: ignore[misc]
    return readers


def answer(reader: Callable[[], object]) -> str:
    """Return whether a reader refuses its input.

    It refuses with `assert_never`, or with a table that has no row for the input.
    """
    try:
        reader()
    except (AssertionError, KeyError) as refused:
        return "refused" if "Thrown" in str(refused) else f"failed: {refused!r}"
    return "accepted"


if __name__ == "__main__":
    whole = lower_source(Source("sale.opord", TEXT))
    assert check_lowered(whole).contract is not None, check_lowered(whole).diagnostics
    contracts = {"known": whole.model, "Statement": with_statement(whole.model), "Pattern": with_pattern(whole.model), "Doubt": with_doubt(whole.model)}  # fmt: skip
    print(json.dumps({kind: answers(contract) for kind, contract in contracts.items()}))
