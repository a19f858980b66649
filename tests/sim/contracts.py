"""The contracts of a simulation: examples, patterns, and random ones, each compiled once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from opord.contract import (
    Action,
    Ask,
    Check,
    Contract,
    Effect,
    Field,
    ListOf,
    MapOf,
    Named,
    OptionalOf,
    Primitive,
    SecretOf,
    Type,
)
from opord.kernel.program import Program
from opord.language import check_text
from opord.loading import load, program_of
from tests.random_contracts import random_contract
from tests.support.contracts import compiled, workflow_of

ROOT = Path(__file__).parents[2]
RANDOM = 32
"""How many random contracts the simulation chooses among."""


class Subject(NamedTuple):
    """A compiled contract, and what the verifier may know of it, as plain data."""

    name: str
    workflow: Any
    program: Program
    contract: Contract
    facts: dict[str, Any]


@cache
def names() -> tuple[str, ...]:
    """Return the names of all contracts: each written one twice, each random one once."""
    written = sorted(
        [*ROOT.glob("examples/patterns/*/*.opord"), *ROOT.glob("src/opord/examples/orders/*.opord")]
    )
    found = [str(path.relative_to(ROOT)) for path in written if 'run "' not in path.read_text()]
    return (*found, *found, *(f"random {number}" for number in range(RANDOM)))


@cache
def subject(name: str) -> Subject:
    """Compile a contract by its name."""
    if name.startswith("random "):
        module = compiled(_random_text(name))
    else:
        module = load(ROOT / name)
    workflow = workflow_of(module)
    program = program_of(workflow)
    return Subject(name, workflow, program, program.contract, facts_of(program.contract))


def _random_text(name: str) -> str:
    """Write a random contract in which no run can go round for ever without time passing."""
    rng = Random(f"sim {name}")
    while True:
        text = random_contract(rng, promises=0)
        found = check_text(text).contract
        if found is not None and not _goes_round(found):
            return text


def _goes_round(contract: Contract) -> bool:
    acting = {state.name: set(state.targets) for state in contract.states if state.kind == "acting"}
    while True:
        leads_on = {name: targets & acting.keys() for name, targets in acting.items()}
        left = {name: targets for name, targets in leads_on.items() if targets}
        if left.keys() == acting.keys():
            return bool(left)
        acting = left


def check_of(contract: Contract) -> dict[str, Action]:
    """Return the effect that checks each action."""
    return {one.doubt.effect: one for one in contract.actions if isinstance(one.doubt, Check)}


def facts_of(contract: Contract) -> dict[str, Any]:
    """Return what a verifier may know of a contract, as plain data."""
    return {
        "states": {
            state.name: {
                "targets": list(state.targets),
                "initial": state.initial,
                "outcome": state.outcome,
                "fields": _fields(state.fields),
                "phase": state.phase,
            }
            for state in contract.states
        },
        "actions": {
            one.name: {
                "keyed": one.key is not None,
                "window_s": one.key.window.total_seconds()
                if one.key is not None and one.key.window
                else None,
                "doubt": type(one.doubt).__name__.lower(),
                "retries": one.retry.times if one.retry is not None else None,
                "after_s": one.doubt.after.total_seconds() if isinstance(one.doubt, Check) else 0.0,
                "within_s": one.doubt.within.total_seconds()
                if isinstance(one.doubt, Ask) and one.doubt.within is not None
                else None,
            }
            for one in contract.actions
        },
        "effects": {
            one.name: {
                "retries": one.retry.times if one.retry is not None else 0,
                "cap_s": one.retry.cap.total_seconds() if one.retry is not None else 0.0,
                "timed": isinstance(one, Effect) and one.timeout is not None,
            }
            # An action in transaction is tried again as an effect is.
            for one in (*contract.effects, *(one for one in contract.actions if one.transaction))
        },
        "events": {
            one.name: {
                "fields": _fields(one.params),
                "roles": list(one.roles),
                "excepts": [[each.of_state, *each.text.split(".")] for each in one.excepts],
            }
            for one in contract.events
        },
        "named": {
            **{one.name: {"fields": _fields(one.fields)} for one in contract.records},
            **{
                one.name: {"variants": {variant.name: _fields(variant.fields) for variant in one.variants}}
                for one in contract.enums
            },
        },
        "transient": [
            f"{failure.name}.{variant.name}"
            for failure in contract.failures
            for variant in failure.variants
            if variant.transient
        ],
        "waits": {
            f"{failure.name}.{variant.name}": [
                variant.wait.field,
                variant.wait.at_most.total_seconds() if variant.wait.at_most is not None else None,
            ]
            for failure in contract.failures
            for variant in failure.variants
            if variant.wait is not None
        },
        "settling": [
            f"{failure.name}.{variant.name}"
            for failure in contract.failures
            for variant in failure.variants
            if variant.settles
        ],
    }


def _fields(fields: Sequence[Field]) -> dict[str, Any]:
    return {one.name: _plain(one.type) for one in fields}


def _plain(type_: Type) -> Any:
    """Return a type as the verifier knows it.

    A type that no payload can have becomes the type of any value.
    """
    match type_:
        case Primitive(name):
            return name
        case Named(name):
            return ["named", name]
        case ListOf(item):
            return ["list", _plain(item)]
        case MapOf(value):
            return ["map", _plain(value)]
        case OptionalOf(item):
            return ["optional", _plain(item)]
        case SecretOf(item):
            return ["secret", _plain(item)]
        case _:
            return ["any", None]
