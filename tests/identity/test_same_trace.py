"""Two texts with one digest are one contract.

The same runs with the same answers write the same records.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

import pytest

from opord.codegen import generate
from opord.codegen.names import module_name
from opord.content import contract_digest
from opord.kernel.program import Program
from opord.loading import load_accepted
from opord.loading.build import build_program
from opord.loading.modules import compile_module
from opord.simulate.drive import Driver, Explored
from opord.simulate.outside import Outside
from opord.simulate.values import Constants
from tests.identity.corpus import here, read
from tests.identity.rewriting import Sources, rewritten
from tests.identity.trees import renamed, shuffled

EXAMPLES = sorted(file for file in here() if file.startswith(("examples/", "src/opord/examples/")))
SEEDS = range(12)


class AskedTheSame(Driver):
    """Explore a program with the inputs, events, answers and crashes of another program.

    Draws follow the order of the contract's declarations, so both programs use the first one's
    order.
    """

    def __init__(self, program: Program, first: Program) -> None:
        super().__init__(program, Constants(first.contract))
        self.outside._ways = Outside(first, {})._ways


@cache
def original(file: str) -> Program:
    sources = here()[file]
    return load_accepted(sources, contract_digest(read(sources)), 1)


def of_another_text(file: str) -> Program:
    """Return the program of another text of the contract, as a worker with that text has it."""
    sources = rewritten(here()[file], Random(file))
    return load_accepted(sources, original(file).digest, 1)


def of_another_tree(file: str) -> Program:
    """Return the program of the contract with the fields of its states in another order too."""
    sources: Sources = here()[file]
    contract = renamed(shuffled(read(sources), Random(file)))
    return build_program(
        contract, sources, compile_module(module_name(contract), generate(contract, sources))
    )


def trace(driver: Driver, seed: int) -> dict[str, Any]:
    """Return the traces of a run in the store and at the provider, and what happened to it."""
    one: Explored = driver.explore(seed)
    return {
        "end": (one.end, one.why),
        "row": one.row,
        "records": one.records,
        "values": one.values,
        "ledger": [each._replace(result=repr(each.result)) for each in driver.outside.ledger],
        "happenings": one.happenings,
    }


@cache
def traces(file: str) -> list[dict[str, Any]]:
    """Return the traces of the runs of a contract."""
    driver = AskedTheSame(original(file), original(file))
    return [trace(driver, seed) for seed in SEEDS]


@pytest.mark.parametrize("other", [of_another_text, of_another_tree])
@pytest.mark.parametrize("file", EXAMPLES)
def test_contracts_with_the_same_digest_write_the_same_records(
    file: str, other: Callable[[str], Program]
) -> None:
    second = other(file)
    assert second.digest == original(file).digest
    driver = AskedTheSame(second, original(file))
    for seed, expected in zip(SEEDS, traces(file), strict=True):
        assert trace(driver, seed) == expected, seed


def test_the_runs_write_every_kind_of_record() -> None:
    """Without this, the records could be equal because there are none."""
    met = Counter(
        record.known_kind for file in EXAMPLES for left in traces(file) for record in left["records"]
    )
    assert {"started", "transition", "event", "intent", "outcome", "doubt"} <= met.keys()
    ended = Counter(left["end"][0] for file in EXAMPLES for left in traces(file))
    assert ended["ended"] > ended.total() / 2


def test_the_texts_differ_in_everything_outside_the_content() -> None:
    pairs = [(original(file).contract, of_another_text(file).contract) for file in EXAMPLES]
    assert all(first.promises and not second.promises for first, second in pairs)
    assert all(
        [state.name for state in first.states] != [state.name for state in second.states]
        for first, second in pairs
    )
    headers = [
        (first.state(state.name).targets, state.targets) for first, second in pairs for state in second.states
    ]
    assert sum(before != after for before, after in headers) > len(EXAMPLES)
    texts = [(here()[file][0][1], of_another_text(file).sources[0][1]) for file in EXAMPLES]
    assert all("other_" in after for _, after in texts)
    assert any("# opord: allow" in before and "# opord: allow" not in after for before, after in texts)
