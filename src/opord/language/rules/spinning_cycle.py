"""A cycle without a wait on which no field changes: nothing new would make the run leave."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Contract
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.diagnostics.suppressors import WAYS_UNREAD
from opord.language.diagnostics.wording import way
from opord.language.flow.graph import Graph
from opord.language.flow.spinning import spinning_rounds
from opord.language.flow.value_flow import Handover

CODE = code(
    "OP805", rule="spins", title="a cycle without a wait on which no field changes", suppressed_by=WAYS_UNREAD
)


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the cycles of acting states whose every `goto` passes the fields on unchanged."""
    for round_ in spinning_rounds(graph).shortest:
        yield _finding(graph, round_)


def _finding(graph: Graph, round_: list[Handover]) -> Diagnostic:
    names = [handover.source for handover in round_]
    return CODE.at(
        graph.states[names[0]].place,
        f"a run can go round {way([*names, names[0]])} without a wait and without a field that changes",
        label="the cycle begins here",
        labels=tuple(Label(handover.goto.place, "goes on as it came") for handover in round_),
        help="wait on the way (`after <duration>`), or carry a field that changes and limits the rounds",
    )
